"""The format of archives: tar members in one gzip stream, written and read.

write:   header and blocks of attributes of a member             member_writer, header
         compress; append segments that were compressed apart    gzip
read:    inflate ahead in a thread                               gzip
         take members apart, refuse a hostile one                reader
         sort the names of a foreign archive on disk             name_index
         go to a content by its place, without taking apart      gzip_position
verify:  read everything, compare digest and totals              verify
"""
