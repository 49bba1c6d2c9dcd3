// SPDX-License-Identifier: MIT

internal import CContender

/// Says on standard error what went wrong.
package func complain(_ text: String) {
    unsafe contender_complain(text)  // SAFETY: the callee reads the text.
}
