"""Accounts: the owner of a store, and the remaining duties of root once the owner does the work.

find the owner without entering a place that others may exchange       walk, door
refuse code and configuration that others may write                    installation
as root: start a process that gives files away, and become the owner   keeper, become, ids
         with a reduced environment, open files and no typing          environment, opened, seccomp
ask the keeper for another account's entries, by descriptor            client, packets, lent
limit the keeper to the places of the store                            bounds, reach
"""
