#include "../runbpf.h"

SEC("tcmd/hello")
int hello(void)
{
	puts("Hello, world!");
	return 0;
}
