"""The engine of magerewind: everything but the screens. Importing it loads nothing heavy.

a command becomes a request                                            cli, config, schedule
a request becomes a job, a process of its own                          jobs
a job takes its steps in order, each remembered first                  operations, journal
files and the database: read, plan, stage, swap                        archive, database
the store as Magento lays it out; its owner                            magento, account
copies elsewhere; a look inside a backup; notifications                repository, contents, notify
"""

__version__ = "0.1.0"
