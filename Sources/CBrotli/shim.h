// SPDX-License-Identifier: MIT

// Google's Brotli encoder and decoder.
#pragma once

#include <brotli/decode.h>
#include <brotli/encode.h>
