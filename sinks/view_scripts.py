"""Lua scripts of the view. `sinks.redis_store` runs them; a script is one atomic step.

Every script that writes compares the position in Redis with the one that the caller wrote last. If they differ, it
changes nothing. A key of another type under one of the view's names is deleted and counted: one such key must not stop
the view. Keys of queues are made in the scripts, so one Redis is supported and no cluster.

The hash of the view has a field ``n:QUEUE`` for every queue: how many ids the scripts have put into it. A queue that
somebody deletes or changes has another size.
"""

GUARD = """
local replaced = 0
local kept = redis.pcall('HGET', KEYS[1], 'position')
if type(kept) == 'table' then
  if ARGV[1] ~= '' then return {-1, 0, 0, 0} end
  redis.call('DEL', KEYS[1])
  replaced = 1
elseif (kept or '') ~= ARGV[1] then
  return {-1, 0, 0, 0}
end
"""

# KEYS: position, then a hash per entry. ARGV: position expected, new position, build, whether to publish changes, start
# of the names of queues, then an entry per hash. An entry is refused if this build has already seen a later run, or a
# later version of the same run. Entries of other builds do not count. Bytes are compared one by one, since Lua in Redis
# compares strings by the locale of the server. A Redis without free memory refuses the first write of a script and lets
# later ones pass. So the first write is one that needs memory; otherwise the script would only delete.
APPLY = (
    GUARD
    + """
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
local function count(queue, by)
  if by ~= 0 and redis.call('HINCRBY', KEYS[1], 'n:' .. queue, by) == 0 then
    redis.call('HDEL', KEYS[1], 'n:' .. queue)
  end
end
local function put(queue, score, member)
  local added = redis.pcall('ZADD', ARGV[5] .. queue, score, member)
  if type(added) == 'table' then
    redis.call('DEL', ARGV[5] .. queue)
    replaced = replaced + 1
    added = redis.call('ZADD', ARGV[5] .. queue, score, member)
  end
  count(queue, added)
end
local function remove(queue, member)
  local gone = redis.pcall('ZREM', ARGV[5] .. queue, member)
  if type(gone) == 'number' then count(queue, -gone) end
end
redis.call('HSET', KEYS[1], 'at', redis.call('TIME')[1])
local applied, deleted, refused = 0, 0, 0
for i = 6, #ARGV do
  local key = KEYS[i - 4]
  local member, lineage, version, score, queues, ttl, channel, message, fields = unpack(cmsgpack.unpack(ARGV[i]))
  local had = redis.pcall('HMGET', key, 'build', 'lineage', 'version', 'route', 'owner')
  if had.err then
    replaced = replaced + 1
    had = {}
  end
  local known = lineage ~= '' and had[1] == ARGV[3]
  local same = known and had[2] == lineage
  if known and ((same and version < tonumber(had[3])) or (not same and before(lineage, had[2]))) then
    refused = refused + 1
  else
    redis.call('DEL', key)
    if #fields == 0 then
      deleted = deleted + 1
    else
      redis.call('HSET', key, 'build', ARGV[3], 'lineage', lineage, 'version', version, unpack(fields))
      if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
      applied = applied + 1
    end
    if member ~= '' then
      local now = {}
      for _, queue in ipairs(queues) do now[queue] = true end
      local left = {'open'}
      if had[4] then left[#left + 1] = 'route:' .. had[4] end
      if had[5] then left[#left + 1] = 'owner:' .. had[5] end
      for _, queue in ipairs(left) do
        if not now[queue] then remove(queue, member) end
      end
      for _, queue in ipairs(queues) do put(queue, score, member) end
    end
    if ARGV[4] == '1' and not (same and version == tonumber(had[3])) then
      redis.call('PUBLISH', channel, message)
    end
  end
end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
return {applied, deleted, refused, replaced}
"""
)

# KEYS: position, then hashes. ARGV: position expected, build. Deletes hashes of other builds, and what is no hash.
SWEEP = (
    GUARD
    + """
local swept = 0
for i = 2, #KEYS do
  if redis.pcall('HGET', KEYS[i], 'build') ~= ARGV[2] then swept = swept + redis.call('DEL', KEYS[i]) end
end
return {swept, 0, 0, replaced}
"""
)

# KEYS: position, queue, then the hash of each id. ARGV: position expected, build, field and value that the hashes must
# have (or an empty field), then the ids. Removes ids that do not belong into the queue.
SWEEP_QUEUE = (
    GUARD
    + """
local swept = 0
for i = 3, #KEYS do
  local had = redis.call('HMGET', KEYS[i], 'build', ARGV[3])
  if had[1] ~= ARGV[2] or (ARGV[3] ~= '' and had[2] ~= ARGV[4]) then
    swept = swept + redis.call('ZREM', KEYS[2], ARGV[i + 2])
  end
end
return {swept, 0, 0, replaced}
"""
)

# KEYS: position, then queues. ARGV: position expected, then the name of each queue. Sets the sizes of all queues.
COUNT = (
    GUARD
    + """
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 2) == 'n:' then redis.call('HDEL', KEYS[1], field) end
end
for i = 2, #KEYS do
  local size = redis.call('ZCARD', KEYS[i])
  if size > 0 then redis.call('HSET', KEYS[1], 'n:' .. ARGV[i], size) end
end
return {0, 0, 0, replaced}
"""
)

# KEYS: position. ARGV: start of the names of queues. Returns the names of queues that have not the size they should.
LOST = """
local lost = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 2) == 'n:' then
    local name = string.sub(fields[i], 3)
    if redis.pcall('ZCARD', ARGV[1] .. name) ~= tonumber(fields[i + 1]) then lost[#lost + 1] = name end
  end
end
return lost
"""
