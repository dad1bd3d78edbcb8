# Sums what callgrind counted, by object: "name<TAB>instructions", and "all" of them; divided
# by count.
#
# In its files a cost line belongs to the object of the last "ob="; the one after a
# "calls=" is what the callee cost, which is counted where the callee is.

function object(text,   id) {
	id = substr(text, 1, index(text, ")"))
	if (length(text) > length(id))
		names[id] = substr(text, length(id) + 2)
	return id
}

/^ob=/ { current = object(substr($0, 4)); next }
/^cob=/ { object(substr($0, 5)); next }
/^calls=/ { callee = 1; next }
/^[0-9+*-]/ {
	if (!callee) {
		cost[current] += $2
		all += $2
	}
	callee = 0
}

END {
	for (id in cost) {
		name = names[id]
		sub(/.*\//, "", name)
		sub(/\.so.*/, "", name)
		printf "%s\t%.0f\n", name, cost[id] / count
	}
	printf "all\t%.0f\n", all / count
}
