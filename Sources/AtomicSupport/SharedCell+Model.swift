// SPDX-License-Identifier: MIT

#if Model
    public import ModelChecking

    // The cell of a model build: each operation tells the model what it is about to do. Where that
    // is a fault, the thread does not come back from telling.

    extension SharedCell where Value: ~Copyable {
        /// Puts a value into the empty cell.
        @inlinable
        public func initialize(
            to value: consuming Value, file: StaticString = #fileID, line: UInt32 = #line
        ) {
            // SAFETY: the caller owns the cell and it is empty, or the model says otherwise.
            unsafe ModelCell.initialize(address, file: file, line: line)
            unsafe address.initialize(to: value)  // SAFETY: as above.
        }

        /// Takes the value out and leaves the cell empty.
        @inlinable
        public func move(file: StaticString = #fileID, line: UInt32 = #line) -> Value {
            // SAFETY: the caller owns the cell and it is full, or the model says otherwise.
            unsafe ModelCell.move(address, file: file, line: line)
            return unsafe address.move()  // SAFETY: as above.
        }
    }

    extension SharedCell {
        /// Reads the value of a full cell.
        @inlinable
        public func load(file: StaticString = #fileID, line: UInt32 = #line) -> Value {
            // SAFETY: the caller may read the cell, or the model says otherwise.
            unsafe ModelCell.read(address, file: file, line: line)
            return unsafe address.pointee  // SAFETY: as above.
        }

        /// Replaces the value of a full cell.
        @inlinable
        public func store(_ value: Value, file: StaticString = #fileID, line: UInt32 = #line) {
            // SAFETY: the caller owns the cell, or the model says otherwise.
            unsafe ModelCell.write(address, file: file, line: line)
            unsafe address.pointee = value  // SAFETY: as above.
        }
    }
#endif
