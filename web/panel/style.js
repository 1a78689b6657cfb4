// The panel's rules. Each panel brings them along in an element of its own: the page's head is not ours to write in, and
// what comes with the script needs no second request and no moment without style.

import charts from './style/charts.js'
import frame from './style/frame.js'
import lists from './style/lists.js'

export const RULES = frame + charts + lists
