/* Pinned maps (formats/README.md): a file that processes map, as where a host's maps live. */
#pragma once
#include "spf.h"

/* Opens or makes the file, takes a number for this thread, sets host.map, cpu and cpus. 0, or 1 after a line on stderr. */
int pin_open(struct spf_host *host, const char *path, const char *tool);
void pin_close(struct spf_host *host); /* behind the last unload */
