// Plans as files in the user's own folder on the server, through the host's calls for user data: no other place is
// read or written.

import { api } from '../../scripts/api.js'

const FOLDER = 'ditfastattn'
const SUFFIX = '.json'
const LONGEST = 80
// Names that Windows keeps for devices.
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/i

/** A name that every system takes as a file's: letters, digits, spaces and - _ . + alone; empty where none is left. */
export function cleanName(text) {
  const name = String(text ?? '')
    .normalize('NFC')
    .replace(/\.json$/i, '')
    .replace(/[^\p{L}\p{M}\p{N} ._+-]+/gu, '_')
    .replace(/^[ ._]+/, '')
    .slice(0, LONGEST)
    .replace(/[ .]+$/, '')
  return RESERVED.test(name.split('.')[0]) ? `${name}_` : name
}

/** [{ name, modified: milliseconds }] of all plans, by name. */
export async function list() {
  const found = await api.listUserDataFullInfo(FOLDER)
  return found
    .filter(({ path }) => path.toLowerCase().endsWith(SUFFIX) && !path.includes('/'))
    .map(({ path, modified }) => ({ name: path.slice(0, -SUFFIX.length), modified }))
    .sort((one, other) => one.name.localeCompare(other.name))
}

/** A plan's text. */
export async function read(name) {
  return (await checked(api.getUserData(pathOf(name)))).text()
}

/** Keep a text; false where there is one of that name that is not to be replaced. */
export async function write(name, text, overwrite = false) {
  if (!overwrite && (await isTaken(name))) return false
  const options = { overwrite, stringify: false, throwOnError: false, full_info: false }
  const response = await api.storeUserData(pathOf(name), text, options)
  if (response.status === 409) return false
  await checked(response)
  return true
}

export async function remove(name) {
  await checked(api.deleteUserData(pathOf(name)))
}

/** Give a plan another name; false where another has it. */
export async function rename(name, other) {
  if (await isTaken(other)) return false
  const response = await api.moveUserData(pathOf(name), pathOf(other), { overwrite: false })
  if (response.status === 409) return false
  await checked(response)
  return true
}

// Asked beforehand: newer front ends tell the console of a refusal as of a failure.
async function isTaken(name) {
  return (await list()).some((one) => one.name === name)
}

function pathOf(name) {
  return `${FOLDER}/${name}${SUFFIX}`
}

async function checked(answer) {
  const response = await answer
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
  return response
}
