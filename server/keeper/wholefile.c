/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/wholefile.h"
#include "base/err.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Exactly size bytes, or NULL. */
static char *read_all(int fd, size_t size)
{
    char *text = malloc(size + 1);
    ssize_t n = text ? read(fd, text, size) : -1;
    if (n == (ssize_t)size)
        return text;
    if (n >= 0)
        errno = EAGAIN; /* somebody writes it */
    if (text)
        dbr_wipe(text, n > 0 ? (size_t)n : 0);
    free(text);
    return NULL;
}

int whole_file(const char *path, char **text, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *text = NULL;
    *len = 0;
    if (fd < 0)
        return DBR_ERR_NOTFOUND;
    errno = EINVAL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= WHOLE_FILE_MAX)
        *text = read_all(fd, (size_t)st.st_size);
    int e = errno;
    close(fd);
    errno = e;
    *len = *text ? (size_t)st.st_size : 0;
    return *text ? 0 : DBR_ERR_IO;
}
