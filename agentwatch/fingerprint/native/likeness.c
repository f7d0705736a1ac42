/* likeness.py: how alike two sketches are. */
#include "bytes.h"

/* Count the bins of two sketches that agree. */
int agreeing(const uint8_t *one, const uint8_t *other)
{
    int count = 0;
    for (size_t bin = 0; bin < BINS; bin++)
        count += one[bin] == other[bin];
    return count;
}
