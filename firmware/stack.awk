# Reads what gcc -fcallgraph-info=su writes (*.ci) and prints the deepest stack of every function
# that nobody calls, with the way down. A function that calls itself would be named, too.
match($0, /title: "[^"]*"/) && /^node/ {
    name = substr($0, RSTART + 8, RLENGTH - 9)
    if (match($0, /[0-9]+ bytes/)) own[name] = substr($0, RSTART, RLENGTH - 6) + 0
}
/^edge/ {
    split($0, part, "\"")
    calls[part[2]] = calls[part[2]] SUBSEP part[4]
    called[part[4]] = 1
}
function short(name) {
    sub(/.*:/, "", name)
    return name
}
function depth(name,    list, n, i, deepest, way, here) {
    if (name in known) return known[name]
    if (name in open) return "!" # calls itself
    open[name] = 1
    n = split(calls[name], list, SUBSEP)
    deepest = 0
    way = ""
    for (i = 2; i <= n; i++) {
        here = depth(list[i])
        if (here == "!") print "calls itself: " short(list[i])
        else if (here > deepest) { deepest = here; way = below[list[i]] }
    }
    delete open[name]
    below[name] = short(name) "(" own[name] + 0 ")" (way == "" ? "" : " > " way)
    return known[name] = own[name] + deepest
}
END {
    for (name in own) if (!(name in called)) printf "%5d  %s\n", depth(name), below[name]
}
