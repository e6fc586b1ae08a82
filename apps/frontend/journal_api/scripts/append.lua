-- KEYS: index, entries, and the idempotency key where there is one.
-- ARGV: suffix of the new id, item, how many entries to answer, how many the journal may hold (0: any number),
-- fingerprint of the request, seconds to remember it.
-- Answers {id, false when the idempotency key belongs to another request, '' when the journal is full; newest entries}.
local id
if KEYS[3] then
    local known = redis.call('GET', KEYS[3])
    if known then
        local fingerprint
        id, fingerprint = string.match(known, '^(%x+) (%x+)$')
        if fingerprint ~= ARGV[5] then
            return { false, {} }
        end
        -- A change, so that WAIT waits also for the entry of the request before.
        redis.call('EXPIRE', KEYS[3], ARGV[6])
    end
end
if not id then
    if tonumber(ARGV[4]) > 0 and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
        return { '', {} }
    end
    local time = now()
    -- A clock that jumps back must not put a new entry below an older one.
    local last = redis.call('ZREVRANGE', KEYS[1], 0, 0)[1]
    if last then
        time = math.max(time, tonumber(string.sub(last, 1, 13), 16) + 1)
    end
    id = string.format('%013x', time) .. ARGV[1]
    redis.call('ZADD', KEYS[1], 0, id)
    redis.call('HSET', KEYS[2], id, string.format('%d', time) .. ' ' .. ARGV[2])
    if KEYS[3] then
        redis.call('SET', KEYS[3], id .. ' ' .. ARGV[5], 'EX', ARGV[6])
    end
end
return { id, tonumber(ARGV[3]) > 0 and page(KEYS[1], KEYS[2], '+', ARGV[3]) or {} }
