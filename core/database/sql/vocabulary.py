"""Words that the grammar of allowed statements knows: functions, reserved words, types, engines.

Functions are those of MariaDB and MySQL that compute a value from their arguments. Left out are all
that read a file, wait, lock, write to a server's state or run text: LOAD_FILE, SLEEP, BENCHMARK,
GET_LOCK and its kin, waits for replication, SETVAL, and everything that a server may have loaded.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[bytes]:
    return frozenset(text.upper().encode().split())


FUNCTIONS: Final = _words(
    """
    abs acos asin atan atan2 ceil ceiling conv cos cot crc32 crc32c degrees exp floor greatest
    least ln log log10 log2 mod oct pi pow power radians rand round sign sin sqrt tan truncate
    add_months adddate addtime convert_tz curdate curtime current_date current_time
    current_timestamp date date_add date_format date_sub datediff day dayname dayofmonth dayofweek
    dayofyear extract format_pico_time from_days from_unixtime get_format hour last_day localtime
    localtimestamp makedate maketime microsecond minute month monthname now period_add period_diff
    quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec
    timediff timestamp timestampadd timestampdiff to_char to_date to_days to_seconds unix_timestamp
    utc_date utc_time utc_timestamp week weekday weekofyear year yearweek
    ascii bin bit_length char char_length character_length chr concat concat_ws elt export_set
    field find_in_set format from_base64 hex insert instr lcase left length lengthb locate lower
    lpad ltrim make_set mid natural_sort_key oct octet_length ord position quote regexp_instr
    regexp_like regexp_replace regexp_substr repeat replace replace_oracle reverse right rpad
    rtrim sformat soundex space strcmp substr substring substring_index to_base64 trim trim_oracle
    ucase unhex upper weight_string
    aes_decrypt aes_encrypt compress md5 old_password password random_bytes sha sha1 sha2
    uncompress uncompressed_length
    binary cast collate convert nvl nvl2 decode decode_oracle coalesce if ifnull isnull nullif
    interval default values value name_const
    charset coercibility collation connection_id current_role current_user database found_rows
    last_insert_id row_count schema session_user system_user user version
    avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min std stddev
    stddev_pop stddev_samp sum var_pop var_samp variance any_value grouping median percentile_cont
    percentile_disc cume_dist dense_rank first_value lag last_value lead nth_value ntile
    percent_rank rank row_number
    json_array json_array_append json_array_insert json_array_intersect json_compact json_contains
    json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert
    json_key_value json_keys json_length json_loose json_merge json_merge_patch
    json_merge_preserve json_normalize json_object json_object_filter_keys json_object_to_array
    json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid
    json_search json_set json_storage_free json_storage_size json_type json_unquote json_valid
    json_value
    inet_aton inet_ntoa inet6_aton inet6_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6
    is_uuid sys_guid uuid uuid_short uuid_to_bin uuid_v4 uuid_v7 bin_to_uuid bit_count
    column_add column_check column_create column_delete column_exists column_get column_json
    column_list extractvalue updatexml kdf
    vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext
    string_to_vector to_vector from_vector vector_dim vector_to_string
    nextval lastval
    point linestring polygon multipoint multilinestring multipolygon geometrycollection
    geomcollection area asbinary astext aswkb aswkt boundary buffer centroid contains convexhull
    crosses dimension disjoint distance endpoint envelope equals exteriorring geomcollfromtext
    geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext
    geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb glength interiorringn
    intersects isclosed isempty isring issimple linefromtext linefromwkb linestringfromtext
    linestringfromwkb mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals
    mbrintersects mbroverlaps mbrtouches mbrwithin mlinefromtext mlinefromwkb mpointfromtext
    mpointfromwkb mpolyfromtext mpolyfromwkb multilinestringfromtext multilinestringfromwkb
    multipointfromtext multipointfromwkb multipolygonfromtext multipolygonfromwkb numgeometries
    numinteriorrings numpoints overlaps pointfromtext pointfromwkb pointn pointonsurface
    polyfromtext polyfromwkb polygonfromtext polygonfromwkb srid startpoint touches within x y
    st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer
    st_buffer_strategy st_centroid st_collect st_contains st_convexhull st_crosses st_difference
    st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals
    st_exteriorring st_frechetdistance st_geohash st_geomcollfromtext st_geomcollfromtxt
    st_geomcollfromwkb st_geometrycollectionfromtext st_geometrycollectionfromwkb
    st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson
    st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection
    st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid st_latfromgeohash
    st_latitude st_length st_linefromtext st_linefromwkb st_lineinterpolatepoint
    st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb st_longfromgeohash
    st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb st_mpointfromtext
    st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext
    st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext
    st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints
    st_overlaps st_pointatdistance st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn
    st_pointonsurface st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb
    st_relate st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches st_transform
    st_union st_validate st_within st_x st_y
    bit blob boolean character datetime dec decimal double fixed float float4 float8 inet4 inet6
    int integer national nchar number numeric real signed text unsigned varbinary varchar varchar2
    vector
    """
)
"""Functions, and types that bear a length, as written before a bracket."""

# A server takes its own function before one of the schema that has the same name; these are never
# taken for the schema's. They read files, wait, lock, or act on the server.
NEVER_OWN: Final = _words(
    """
    load_file sleep benchmark setval encrypt encode des_encrypt des_decrypt procedure roles_graphml
    is_free_lock is_used_lock gtid_subset gtid_subtract binlog_gtid_pos icu_version
    validate_password_strength load_data analyse json_table xmlagg
    """
)
NEVER_OWN_STARTS: Final = (
    b"GET_", b"RELEASE_", b"MASTER_", b"SOURCE_", b"WAIT_", b"WSREP_", b"ASYNCHRONOUS_",
    b"GROUP_REPLICATION_", b"STATEMENT_", b"PS_", b"CAN_ACCESS_", b"INTERNAL_", b"KEYRING_",
    b"AUDIT_", b"MYSQL_", b"SERVICE_", b"VERSION_TOKENS_", b"ASYMMETRIC_", b"SYS_", b"LIB_MYSQLUDF",
    b"BINLOG_", b"GTID_", b"MASK_", b"GEN_", b"ROTATE_", b"REMOTE_", b"OPTION_TRACKER_",
)  # fmt: skip

VALUE_FUNCTIONS: Final = _words(
    """
    from_base64 unhex hex char concat convert cast binary conv if ifnull nullif coalesce
    now current_timestamp current_date current_time curdate curtime localtime localtimestamp sysdate
    utc_timestamp utc_date utc_time unix_timestamp from_unixtime str_to_date date time timestamp
    date_add date_sub addtime
    uuid uuid_to_bin bin_to_uuid inet_aton inet6_aton md5 sha1 sha sha2 password upper lower
    json_array json_object json_quote json_compact column_create compress uncompress
    srid st_srid vec_fromtext string_to_vector to_vector
    point linestring polygon multipoint multilinestring multipolygon geometrycollection
    geomcollection st_geomfromgeojson pointfromtext linefromtext polyfromtext
    """
) | {
    prefix + name
    for prefix in (b"", b"ST_")
    for name in _words(
        """
        geomfromtext geometryfromtext geomfromwkb geometryfromwkb pointfromtext pointfromwkb
        linefromtext linefromwkb linestringfromtext linestringfromwkb polyfromtext polyfromwkb
        polygonfromtext polygonfromwkb mpointfromtext mpointfromwkb multipointfromtext
        multipointfromwkb mlinefromtext mlinefromwkb multilinestringfromtext
        multilinestringfromwkb mpolyfromtext mpolyfromwkb multipolygonfromtext multipolygonfromwkb
        geomcollfromtext geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb
        """
    )
}
"""Functions that programs write around a literal, and people by hand into a file of rows."""

# Reserved in MariaDB or in MySQL; unquoted, none of these is a name.
RESERVED: Final = _words(
    """
    accessible add all alter analyze and as asc asensitive before between bigint binary blob both by
    call cascade case change char character check collate column condition constraint continue
    convert create cross cube cume_dist current_date current_role current_time current_timestamp
    current_user cursor database databases day_hour day_microsecond day_minute day_second dec
    decimal declare default delayed delete delete_domain_id dense_rank desc describe deterministic
    distinct distinctrow div do_domain_ids double drop dual each else elseif empty enclosed escaped
    except exists exit explain false fetch float float4 float8 for force foreign from fulltext
    function generated get grant group grouping groups having high_priority hour_microsecond
    hour_minute hour_second if ignore ignore_domain_ids in index infile inner inout insensitive
    insert int int1 int2 int3 int4 int8 integer intersect interval into io_after_gtids
    io_before_gtids is iterate join json_table key keys kill lateral leading leave left like limit
    linear lines load localtime localtimestamp lock long longblob longtext loop low_priority
    manual master_bind master_heartbeat_period master_ssl_verify_server_cert match maxvalue
    mediumblob mediumint mediumtext middleint minute_microsecond minute_second mod modifies natural
    no_write_to_binlog not nth_value ntile null numeric of offset on optimize optimizer_costs option
    optionally or order out outer outfile over page_checksum parallel parse_vcol_expr partition
    percent_rank portion precision primary procedure purge qualify range read reads read_write real
    recursive ref_system_id references regexp release rename repeat replace require resignal
    restrict return returning revoke right rlike row row_number rows schema schemas
    second_microsecond select sensitive separator set show signal slow smallint spatial specific sql
    sqlexception sqlstate sqlwarning sql_big_result sql_calc_found_rows sql_small_result ssl
    starting stats_auto_recalc stats_persistent stats_sample_pages stored straight_join system
    table tablesample terminated then tinyblob tinyint tinytext to trailing trigger true undo union
    unique unlock unsigned update usage use using utc_date utc_time utc_timestamp values varbinary
    varchar varcharacter varying vector virtual when where while window with write xor year_month
    zerofill outfile dumpfile load_file end do
    """
) - _words(
    # Reserved by newer servers only, names in dumps of the others, and harmless where a name is.
    """
    groups rank system rows empty vector manual parallel of lateral window row_number
    ntile cube specific tablesample qualify page_checksum stats_auto_recalc stats_persistent
    stats_sample_pages ref_system_id portion over get recursive offset
    slow do_domain_ids ignore_domain_ids delete_domain_id parse_vcol_expr before
    """
)

OPERATORS: Final = _words(
    """
    and or xor not is null true false unknown in like escape regexp rlike between div mod collate
    binary interval all any some exists default
    current_timestamp current_date current_time current_user current_role localtime localtimestamp
    utc_date utc_time utc_timestamp distinct dual
    day_hour day_microsecond day_minute day_second hour_microsecond hour_minute hour_second
    minute_microsecond minute_second second_microsecond year_month
    leading trailing both row maxvalue match
    """
)
"""Reserved words inside an expression: operators, constants, units."""

TYPE_WORDS: Final = _words(
    """
    tinyint smallint mediumint int integer bigint int1 int2 int3 int4 int8 middleint decimal dec
    numeric fixed number float float4 float8 double precision real bit bool boolean serial
    char character varchar varchar2 varcharacter varying nchar national nvarchar binary varbinary
    raw long tinytext text mediumtext longtext tinyblob blob mediumblob longblob clob enum set
    date time datetime timestamp year json array inet4 inet6 uuid vector xmltype
    geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection
    geomcollection unsigned signed zerofill ascii unicode byte
    """
)

ENGINES: Final = _words(
    "innodb myisam aria memory heap csv archive blackhole rocksdb tokudb ndb ndbcluster maria"
)
"""Engines whose tables hold their own rows, and do not lead to other tables, servers or files."""

SESSION_VARIABLES: Final = _words(
    """
    foreign_key_checks unique_checks sql_safe_updates group_concat_max_len time_zone sql_notes
    max_sp_recursion_depth cte_max_recursion_depth max_recursive_iterations
    """
)
"""Settings of its own session that a body may change."""

READABLE_VARIABLES: Final = SESSION_VARIABLES | _words(
    """
    sql_mode version version_comment timestamp autocommit last_insert_id identity error_count
    warning_count character_set_client character_set_connection character_set_results
    collation_connection collation_database character_set_database system_time_zone hostname
    server_id read_only rand_seed1 rand_seed2 lc_time_names div_precision_increment
    auto_increment_increment auto_increment_offset max_allowed_packet tx_isolation
    transaction_isolation in_transaction rowcount
    """
)
