// SPDX-License-Identifier: MIT

// The seam. Whatever threads share reaches the primitives through this module: atomics, plain
// shared cells, thread indices, parking and block allocation. A build that checks models (trait
// `Model`) puts stand-ins of the same layout in their place, and the source above stays as it is.
#if Model
    @_exported public import ModelChecking
#else
    @_exported public import Synchronization
#endif
