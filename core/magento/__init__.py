"""The layout of Magento: root, deployment configuration, maintenance mode.

find the root and the owner                                        store
follow links only as far as they are trusted                       trusted_paths
read env.php without running it, or ask php                        env_php, php
connections to databases                                           connections, merging, settings
close and open the store                                           maintenance
flush caches; find processes that work on the store                caches, child, processes
"""
