"""The official workflow templates, run in the host with tiny models in place of their files.

table.py     everything that is put in place of something else, in one table
models.py    a tiny model for every model file
objects.py   what stands in for text encoders, VAEs and other files
nodes.py     the nodes that hand those out
package.py   the templates themselves
prompt.py    one template as the prompts that are run: without and with the node
run.py       running prompts in the host's own executor, and what the node said
rows.py      one row of the table a template
"""
