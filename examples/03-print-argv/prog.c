#include "../runbpf.h"

SEC("tcmd/print-argv")
int print_argv(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("argv[%d] = \"%s\", %lu bytes\n", i, argv[i], strlen(argv[i]));
	return argc;
}
