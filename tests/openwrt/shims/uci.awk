# What `uci` beside it does with one package: first the file, then what is staged, then the command itself.

function word(text) {
	sub(/^[ \t]+/, "", text)
	sub(/[ \t]+$/, "", text)
	if (text ~ /^'.*'$/ || text ~ /^".*"$/) text = substr(text, 2, length(text) - 2)
	return text
}

function section(name,   i, type, nth, seen) {
	if (name !~ /^@/) {
		for (i = 1; i <= sections; i++) if (!gone[i] && called[i] == name) return i
		return 0
	}
	type = name
	sub(/^@/, "", type)
	nth = type
	sub(/\[.*/, "", type)
	gsub(/^.*\[|\].*$/, "", nth)
	seen = 0
	for (i = 1; i <= sections; i++) if (!gone[i] && kind[i] == type && seen++ == nth + 0) return i
	return 0
}

function new(type, name) {
	kind[++sections] = type
	called[sections] = name
	return sections
}

function put(s, option, value, list) {
	if (!((s, option) in values)) order[s] = order[s] SUBSEP option
	else if (list) { values[s, option] = values[s, option] "\n" value; lists[s, option] = 1; return }
	values[s, option] = value
	lists[s, option] = list
}

function take(s, option) {
	if (!((s, option) in values)) return 0
	delete values[s, option]
	sub(SUBSEP option "($|" SUBSEP ")", SUBSEP, order[s])
	return 1
}

# 0: it cannot be done.
function change(what, argument,   path, value, parts, n, s) {
	path = argument
	value = ""
	if (what != "delete") {
		value = substr(argument, index(argument, "=") + 1)
		path = substr(argument, 1, index(argument, "=") - 1)
	}
	n = split(path, parts, ".")
	s = section(parts[2])
	if (n == 2 && what == "set") { if (s) kind[s] = value; else new(value, parts[2]); return 1 }
	if (!s) return 0
	if (n == 2) { gone[s] = 1; return 1 }
	if (what == "delete") return take(s, parts[3])
	put(s, parts[3], value, what == "add_list")
	return 1
}

function found(path,   parts, n, s, text) {
	n = split(path, parts, ".")
	s = section(parts[2])
	if (!s) return 0
	if (n == 2) { print kind[s]; return 1 }
	if (!((s, parts[3]) in values)) return 0
	text = values[s, parts[3]]
	gsub(/\n/, " ", text)
	print text
	return 1
}

function each(s, how,   names, n, i, j, items, m, text) {
	n = split(order[s], names, SUBSEP)
	for (i = 1; i <= n; i++) {
		if (!((s, names[i]) in values)) continue
		m = split(values[s, names[i]], items, "\n")
		if (how == "text" && lists[s, names[i]]) for (j = 1; j <= m; j++) printf "\tlist %s '%s'\n", names[i], items[j]
		else if (how == "text") printf "\toption %s '%s'\n", names[i], values[s, names[i]]
		else if (called[s] != "") {
			text = values[s, names[i]]
			gsub(/\n/, " ", text)
			printf "CONFIG_%s_%s='%s'\n", called[s], names[i], text
		}
	}
}

FNR == 1 { file++ }
file == 1 && FILENAME !~ /^\/tmp/ {
	line = $0
	sub(/^[ \t]+/, "", line)
	if (line ~ /^config[ \t]/) {
		split(line, parts, /[ \t]+/)
		now = new(word(parts[2]), word(parts[3]))
	} else if (line ~ /^(option|list)[ \t]/) {
		split(line, parts, /[ \t]+/)
		rest = line
		sub(/^[a-z]+[ \t]+[^ \t]+[ \t]*/, "", rest)
		put(now, word(parts[2]), word(rest), parts[1] == "list")
	}
	next
}
{ split($0, staged, "\t"); change(staged[1], staged[2]) }

END {
	if (op == "get") exit !found(argument)
	if (op == "set" || op == "add_list" || op == "delete") exit !change(op, argument)
	for (s = 1; s <= sections; s++) {
		if (gone[s]) continue
		if (op == "commit") {
			if (s > 1) print ""
			printf "config %s%s\n", kind[s], called[s] == "" ? "" : " '" called[s] "'"
			each(s, "text")
		} else if (op == "assignments") each(s, "shell")
	}
}
