#!/bin/sh
# For each format, how much log one core converts: MB/core-s of long lines and of short ones (the benchmark's comment says
# which these are), of real logs where there are samples beside the repository, and microseconds a line. Lowest first.
# The best of COUNT (3) rounds counts, since whatever else the machine does takes away and never adds.
set -e
cd "$(dirname "$0")/../.."
out=$(go test -run '^$' -bench BenchmarkConvert -benchmem -cpu 1 -count "${COUNT:-3}" -benchtime "${BENCHTIME:-200ms}" ./schema/convert)
echo "$out" | awk '
/^BenchmarkConvert/ {
	split($1, name, "/")
	for (i = 2; i <= NF; i++) {
		if ($i == "MB/core-s") speed = $(i-1)
		if ($i == "records/core-s") records = $(i-1)
		if ($i == "B/record") size = $(i-1)
	}
	key = name[2] SUBSEP name[3]
	if (speed > best[key]) { best[key] = speed; line[key] = sprintf("%7.0f %6.0f %6.2f", speed, size, 1e6 / records) }
	formats[name[2]] = 1
}
END {
	printf "%-14s %s\n%-14s%s%s%s\n", "", "    long lines              short lines             real logs", "format",
		"  MB/core-s  B/line us/line", "  MB/core-s  B/line us/line", "  MB/core-s  B/line us/line"
	for (f in formats) {
		row = sprintf("%-14s", f)
		for (n = split("long short real", kinds, " "); n > 0; n--) cell[kinds[n]] = line[f SUBSEP kinds[n]]
		printf "%s    %s    %s    %s\n", row, cell["long"], cell["short"], cell["real"] | "sort -k5,5n"
	}
}'
