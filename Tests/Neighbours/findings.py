# SPDX-License-Identifier: MIT

"""What a scanner has found and the room's README does not name: findings.py testssl|sslyze FILE."""

import json
import sys


def of_testssl(report):
    # TLS 1.2 alone, a certificate of its own, what HTTP's fields would say, a page that is compressed and public,
    # and the scanner's own troubles.
    known = ("cert", "chain_of_trust", "TLS1_3", "DNS_CAA", "OCSP", "security_headers", "HSTS", "overall_grade",
             "grade_cap", "banner", "cookie", "scanTime", "BREACH", "engine_problem")
    for finding in report:
        if finding["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"):
            if not finding["id"].startswith(known):
                yield "%(severity)s %(id)s: %(finding)s" % finding


def of_sslyze(report):
    scan = report["server_scan_results"][0]["scan_result"]

    def result(name):
        return scan[name]["result"]

    for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        if result(version + "_cipher_suites")["accepted_cipher_suites"]:
            yield version
    accepted = result("tls_1_2_cipher_suites")["accepted_cipher_suites"]
    names = [suite["cipher_suite"]["name"] for suite in accepted]
    if not names:
        yield "no suite"
    yield from (name for name in names if not name.startswith("TLS_ECDHE_"))
    renegotiation = result("session_renegotiation")
    if renegotiation["is_vulnerable_to_client_renegotiation_dos"]:
        yield "renegotiation"
    if not renegotiation["supports_secure_renegotiation"]:
        yield "RFC 5746 is missing"
    if result("heartbleed")["is_vulnerable_to_heartbleed"]:
        yield "Heartbleed"
    if result("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"]:
        yield "CCS injection"
    if "NOT_VULNERABLE" not in result("robot")["robot_result"]:
        yield "ROBOT"
    if result("tls_compression")["supports_compression"]:
        yield "compression"
    if not result("tls_fallback_scsv")["supports_fallback_scsv"]:
        yield "RFC 7507 is missing"


scanner, path = sys.argv[1:]
found = list({"testssl": of_testssl, "sslyze": of_sslyze}[scanner](json.load(open(path))))
print("\n".join(found))
sys.exit(bool(found))
