"""The configuration of magerewind: TOML files, typed, merged, with the origin of each value.

    paths = /etc/magerewind/config.toml, conf.d/*.toml by name, the account's own; or --config alone
    for path in paths:
        refuse it where others may write to it, or to a directory on the way to it
        parse it; check each key and each value by the types of `fields` and `receivers`
    merge the tables key by key, a later file before an earlier one
    value = command line, else environment, else [stores.NAME], else [defaults], else our own

Modules: `types`, `fields`, `receivers` (the keys), `files` (the reading), `file_problems`,
`merged_problems`, `machine_problems` (the errors), `load` (all of it as one value), `template`,
`secrets`, `pages` (generated documentation). Nothing here starts a job, or knows the use of a
value.
"""
