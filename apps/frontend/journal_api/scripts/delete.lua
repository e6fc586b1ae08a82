-- KEYS: index, entries. ARGV: id. Answers how many entries were deleted.
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
