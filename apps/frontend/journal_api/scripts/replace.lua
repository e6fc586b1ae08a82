-- KEYS: entries. ARGV: id, item. Answers the new value, or nothing when there is no such entry.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then
    return false
end
local before = tonumber(string.match(known, '^%d+'))
local value = string.format('%d', math.max(now(), before + 1)) .. ' ' .. ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], value)
return value
