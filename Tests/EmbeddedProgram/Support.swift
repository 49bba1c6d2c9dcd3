// SPDX-License-Identifier: MIT

// Each room of floors 1 to 3, and Channels, has a file here with `func use<Room>()`, which uses it
// once.
// `./dev embedded` compiles them with those rooms in Embedded mode (no run-time library, no
// reflection, no existentials), and writes the main file that calls each.

/// Ends the program with a message if a room did not do what it should.
func check(_ condition: Bool, _ message: StaticString) {
    if condition { return }
    print(message)
    fatalError("an embedded room does not work")
}
