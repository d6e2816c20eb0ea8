/* Context cmd: arguments. */
#include "pairs.h"
#define PAIR(name) PAIR_OF(name, (int argc, char **argv), (argc, argv))

PAIR(first)
{
	return argv[0][0 + bad];
}

PAIR(second)
{
	return argc < 2 - bad ? 0 : argv[1][0];
}

PAIR(second_not_null)
{
	return argv[1 + bad] ? argv[1 + bad][0] : 0;
}

PAIR(every)
{
	u64 sum = 0;

	for (int i = 0; i < argc + bad; i++)
		sum += argv[i][0];
	return sum;
}

PAIR(until_null)
{
	u64 sum = 0;

	for (char **arg = argv; *arg; arg++)
		sum += arg[0][bad];
	return sum;
}

PAIR(characters)
{
	u64 n = 0;

	while (argv[0][n + bad])
		n++;
	return n;
}

PAIR(number)
{
	u64 x = 0;

	if (argc < 2 - bad)
		return 0;
	for (char *s = argv[1]; *s >= '0' && *s <= '9'; s++)
		x = x * 10 + (*s - '0');
	return x;
}
