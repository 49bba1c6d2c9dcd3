// SPDX-License-Identifier: MIT

// zlib, and what its macros do not give to Swift.
#pragma once

#include <zlib.h>

/// deflateInit2 is a macro. `window_bits` of 15 makes the zlib format (RFC 1950), of 31 gzip
/// (RFC 1952). Returns Z_OK or zlib's error.
static inline int millrace_deflate_open(z_stream *stream, int level, int window_bits,
                                        int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

/// inflateInit2 is a macro. `window_bits` of 47 takes gzip and the zlib format alike.
static inline int millrace_inflate_open(z_stream *stream, int window_bits) {
    return inflateInit2(stream, window_bits);
}
