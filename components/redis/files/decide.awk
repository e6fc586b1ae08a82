# Decides how a server starts, from what all servers and Sentinels say of themselves.
#
# Input, a fact a line:
#   self HOST
#   servers HOST HOST...                         all of them, in the same order everywhere
#   server HOST running master|slave [PRIMARY]   it runs; PRIMARY is whom it follows
#   server HOST starting BEAT BYTES VOTE         it decides too. Its data: the last heartbeat in it (seconds since 1970)
#                                                and the bytes after that; "empty 0" is none. VOTE: a host, or "none"
#   server HOST silent                           whether it has data is not known
#   sentinel HOST PRIMARY                        the primary as the Sentinel at HOST sees it
#   patient                                      silent servers were waited for
#   told                                         a person told this server to lead
# Output, one line: "lead", "follow HOST", "succeed HOST" (follow it until Sentinels make this one primary in its place),
# "vote HOST" or "wait REASON".
#
# A server votes once. To lead takes the votes of a majority, so two never do. An acknowledged write of mode `safe` is in
# the data of two servers, so among a majority with data the newest has it.
$1 == "self" { self = $2 }
$1 == "servers" { for (i = 2; i <= NF; i++) order[++servers] = $i }
$1 == "patient" { patient = 1 }
$1 == "told" { told = 1 }
$1 == "sentinel" { if (++seen[$3] > most) { most = seen[$3]; by_sentinel = $3 } }
$1 == "server" {
  if ($3 == "running") {
    running++
    if ($4 == "master" && $2 != self) { masters++; if (master == "" || $2 == by_sentinel) master = $2; is_master[$2] = 1 }
  } else if ($3 == "starting") {
    vote[$2] = $6
    if ($6 != "none") votes[$6]++
    if ($4 != "empty") { filled++; beat[$2] = $4 + 0; bytes[$2] = $5 + 0; full[$2] = 1 }
  } else silence = silence " " $2
}
function start_as_primary() { print (by_sentinel != "" && by_sentinel != self) ? "succeed " by_sentinel : "lead" }
function newer(a, b) { return beat[a] > beat[b] || (beat[a] == beat[b] && bytes[a] > bytes[b]) }
END {
  majority = int(servers / 2) + 1
  if (by_sentinel != "" && by_sentinel != self && is_master[by_sentinel]) print "follow " by_sentinel
  else if (by_sentinel == self && full[self]) print "lead"
  else if (by_sentinel == "" && masters) print "follow " master
  # Whoever is told to lead follows the primary that Sentinels miss, and they promote it: it is the only one there.
  else if (told) start_as_primary()
  else if (running) print "wait for the primary: " (by_sentinel == self ? \
    "this one, but its data is gone; Sentinels make another one primary" : "Sentinels choose it")
  else if (silence != "" && !(patient && filled >= majority))
    print "wait for" silence ": without an answer nobody knows who has the newest data"
  else {
    best = ""
    for (i = 1; i <= servers; i++) if (full[order[i]] && (best == "" || newer(order[i], best))) best = order[i]
    if (best == "") best = order[1]  # all say that they are empty: a new Redis
    if (vote[self] == "none") print "vote " best
    else if (votes[self] >= majority) start_as_primary()
    else print "wait for " vote[self] ", which has the newest data, to start"
  }
}
