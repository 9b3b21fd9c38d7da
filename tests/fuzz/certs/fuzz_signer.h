/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A throw-away OCSP signer of the CA in fuzz_ca.h, valid until 2036. Good for nothing but this fuzz target.
 */
#ifndef DBR_FUZZ_CERTS_SIGNER_H
#define DBR_FUZZ_CERTS_SIGNER_H

static const char fuzz_signer_ca[] = "-----BEGIN CERTIFICATE-----\n"
                                     "MIIBZjCCAQ2gAwIBAgIQd6S/U4ZBxABZpPmu3Vvf3zAKBggqhkjOPQQDAjASMRAw\n"
                                     "DgYDVQQDDAdGdXp6IENBMB4XDTI2MTEyMTIxNTMyNFoXDTM2MTExODIxNTgyNFow\n"
                                     "EjEQMA4GA1UEAwwHRnV6eiBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABB9J\n"
                                     "v2r3yhaqiPMcTY1mYelzhBh/bcybWtaXB4ogO2PPOD0M4GSYrtKG0e3650nYJlaP\n"
                                     "NoOBip0EEpx+83iCNEyjRTBDMBIGA1UdEwEB/wQIMAYBAf8CAQEwDgYDVR0PAQH/\n"
                                     "BAQDAgEGMB0GA1UdDgQWBBQrjzBWe798B6957d1KVyPIOQdt5zAKBggqhkjOPQQD\n"
                                     "AgNHADBEAiBvBzJcez9yMsqdaJVmjChEnZLpmq4a3TVAgXy1KQ1gaQIgUBr+Z33Z\n"
                                     "WH5cPuRipAYaiVC4RELbbbwLQjyvyC/2K40=\n"
                                     "-----END CERTIFICATE-----\n";

static const char fuzz_signer_cert[] = "-----BEGIN CERTIFICATE-----\n"
                                       "MIIBrzCCAVWgAwIBAgIQcbc7LTyh9DGU0UREXFXWmTAKBggqhkjOPQQDAjASMRAw\n"
                                       "DgYDVQQDDAdGdXp6IENBMB4XDTI2MTEyMTIxNTMyNFoXDTM2MTExNzIxNTgyNFow\n"
                                       "FDESMBAGA1UEAwwJcmVzcG9uZGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n"
                                       "gjtvgil7UrobJt11c6AtZHpAbk+yXzYwGDMO6d3nNMfiJMpz30MXuAM/QBNV6bhb\n"
                                       "8O6nf6hffM119UKtcco1x6OBijCBhzAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQE\n"
                                       "AwIHgDAWBgNVHSUBAf8EDDAKBggrBgEFBQcDCTAdBgNVHQ4EFgQUx71aMyRJLlPD\n"
                                       "RfhQioea/r4PkQAwHwYDVR0jBBgwFoAUK48wVnu/fAevee3dSlcjyDkHbecwDwYJ\n"
                                       "KwYBBQUHMAEFBAIFADAKBggqhkjOPQQDAgNIADBFAiEAyNF6pxkUQSD07L8nusKE\n"
                                       "/3ooKLGuzn1h1c3qvbXrC+sCIFiH0CecfA4e/U7cT5HKQjQQLsuFIPvzIYwIwY7B\n"
                                       "RFti\n"
                                       "-----END CERTIFICATE-----\n";

static const char fuzz_signer_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9xDZqtexHV9CVrPC\n"
                                      "N0K0Ze2k2owhXEJDVkp5xr8Vok+hRANCAASCO2+CKXtSuhsm3XVzoC1kekBuT7Jf\n"
                                      "NjAYMw7p3ec0x+IkynPfQxe4Az9AE1XpuFvw7qd/qF98zXX1Qq1xyjXH\n"
                                      "-----END PRIVATE KEY-----\n";

#endif
