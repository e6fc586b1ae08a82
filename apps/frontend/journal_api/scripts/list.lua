-- KEYS: index, entries. ARGV: max (lexical bound), count.
return page(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
