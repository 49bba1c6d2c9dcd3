// SPDX-License-Identifier: MIT

#if !Examples
    internal import ExampleSupport

    @main
    enum Program {
        static func main() {
            WithoutTrait.explain("example_http_client")
        }
    }
#endif
