// SPDX-License-Identifier: MIT

#if Examples
    /// What the demonstration's receiver does to its clients, in turn.
    enum Fault: Int, CaseIterable {
        /// Resets the connection before it answers what it has read.
        case reset
        /// Reads and answers nothing for a while.
        case stall
        /// Ends its sending side without an answer, and reads on.
        case halfClose
        /// Stops listening for a while, and resets every connection.
        case refusal
        /// Accepts the next connections and resets them at once.
        case resetAtOnce

        /// "12 stalls"
        func text(_ count: Int) -> String {
            switch self {
            case .reset: "\(count) resets"
            case .stall: "\(count) stalls"
            case .halfClose: "\(count) half-closes"
            case .refusal: "\(count) refusals"
            case .resetAtOnce: "\(count) resets right after accepting"
            }
        }
    }
#endif
