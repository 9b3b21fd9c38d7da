/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Key files that OpenVPN 2.6.14 made (--genkey tls-crypt-v2-server, tls-crypt-v2-client): a server's key, a
 * client's with a time, one with the user's own metadata "alice", and one of another server.
 */
#ifndef DBR_TEST_PROTO_WKC_VECTORS_H
#define DBR_TEST_PROTO_WKC_VECTORS_H

static const char server_pem[] = "-----BEGIN OpenVPN tls-crypt-v2 server key-----\n"
                                 "H/BnoARNbzNKfDm4q66TttsjTdIkDK/OUB6gJKmklocN1h0UbYwDzTa7/dJRR225\n"
                                 "tdhplM2HVfEZNwGWZWOYNV7hJTnI1lSvuRbJWxuOa/FOMXC8GX1ISFfibAfdMB9/\n"
                                 "zcf4143ibdXLZ6GNTCgsvHpdRKVfPJ3Y4PVLGbKgap4=\n"
                                 "-----END OpenVPN tls-crypt-v2 server key-----\n";

static const char client_pem[] = "-----BEGIN OpenVPN tls-crypt-v2 client key-----\n"
                                 "PIaS683j2LFdx4Fu7/nQruEtBSR+To6Wb/dMzXXaQYpeiqOoPLk/0/tDSNc08WiB\n"
                                 "mpGaPCFMXLQb+nuBV/tc/t7qGjTxNHsnnUPgo9DZ2dpVHQMIj+xIVd4vTNTnbKFE\n"
                                 "IludBwQyyamR4i5eAs+0atSNNcvP3mAIrfEvQmubMktUelC1hN5ry/mZtZfBcIGh\n"
                                 "U07vIzM8s7fj/jvtxO1n/oP9YH+O2D6JDH6/F8/YphGpeW1TXfUa9AxPj6Hj4hcO\n"
                                 "9lVNWW0shNaCBhsSXBDrAZ36V1lR2GSrWQB1DQJ28ftcian5oRaPEQk8n/4fHJGj\n"
                                 "roc3a6+GZ5Af84HD1dJ+8gC547355fL9xxsuQXQ99BsKPLpJqqOne2pkeK1IUm7x\n"
                                 "neOr451BFwtRvYGc4O644f+IQGqh6eIPFzdoy6ois+limQKAZ7OVvRc3UrZb8fsw\n"
                                 "0mbeF3HzHbtRTDZgvD+1h5sTFmK4DmtePApqDXgyuxD91zNerf4ewfkUEOSSEeLU\n"
                                 "Ff8M90TWi4gKIB/eegRvF/HYIHF1RFoeLkZ1TepH8S+y1klUKqehd5odiv7ZAwic\n"
                                 "XVjlLQvT2Yn9VVIb/bgH0d+WEiN4bOGiMn2NYUuZa/dO0t3LTImmKYpPCeHkrj9D\n"
                                 "bqhNcAU35U6e4QOYxMK9HtCCzTEINXhKuB5aNfkG4ofNSg224l0kOHgUkmEMZSzu\n"
                                 "UZiqPkDMVzZnUqkhmKdTrUHT4/pSM8XYIAEr\n"
                                 "-----END OpenVPN tls-crypt-v2 client key-----\n";

static const char user_pem[] = "-----BEGIN OpenVPN tls-crypt-v2 client key-----\n"
                               "7t1hoHzwUq2DGwpOMej8jhWSTEhCC7j9RAB3i7czaaRmoqUlJ7ygLNRh1pdkBH34\n"
                               "gfl3kxY+cCnWVBzttsgcyZz0wL7FEDficclLzDgwJCAqVyp3GpSkCKbzoaxiTdl0\n"
                               "/QK1aSqzgJGajO91OYqjakk1cFV7nPgQRWKzYErNc4kdJxvXM2MErOCaqgSiM1vm\n"
                               "7/7PY7KIxLzRl5AEA4xwfZaAXcULp1rJLiv1KbR4GNVMh5E7cRz7AKqGBKqXdmAI\n"
                               "Iyy5bxWYc/YClVg/zhhIv1mXQ7t5NQD4rSlMTh5mtLTzyaxZpDdD3BEKsS5nonXn\n"
                               "910MBiPLT6CsedwDVkuC9TM7dZ7cgR/gW1GEMg8KG3L0DwZ1Jv3xgNebVRfl0hlw\n"
                               "S6tougWD8AA9zZcuHGN8Ms2qQol5xueesRxl3ON42WqJV6Nq2ZcoNX3amvD4xfaY\n"
                               "IkSjJRGqpGLlIhpbAyaE2hj2RD4DmoZwELRgsW+WuCqBpfgXJxAJtnZ/jFZrteFP\n"
                               "PzrsnUvY9glbYHxTaiG9qq3kQsgKEzNd91Xz5gCiFasGb+PaHP1TG5Z+oKZj/2BI\n"
                               "Qx+xIAhTqhhAPgLCKblW3mpyN5mZDoU4+FHa8dXgt0zl3yEDXZiCHyQnm+9jS53y\n"
                               "Yf4nJo9ke1uB7dq9dmhktMFCqHYVH/f9INNtgD/NAx7oTDTDlnjzmcggWaOSUPV1\n"
                               "eFbobfCPe6pYKa3/wM3utJlG408ldQEo\n"
                               "-----END OpenVPN tls-crypt-v2 client key-----\n";

static const char foreign_pem[] = "-----BEGIN OpenVPN tls-crypt-v2 client key-----\n"
                                  "bZ5eEeK5DiL528tsCf/BqkJ6L6Sa94k56SdIa18668TiZSqqKfYhwaGkYEthR1S7\n"
                                  "PRfKBbevK1QuxQLP1PcOF91hyxP0M/9tv45cM7NUDTCvbAZTAS3bZddplrDSfDbo\n"
                                  "SWtmKa+rBu1tq1w7CWF0HnQVOYhO2bPexIQfsq1Q+Ql71yWYx3SYV5H+iv/85hqK\n"
                                  "iSPgb4Gio51O2lfCn37/r0nbzvMRVJEKpymS/mst8r0ZtDWawLsTr9htCtJl7OkD\n"
                                  "YpNu8ePH+BdwUgoZc4OlLfwZxOOoyAqkVd2NKl94EuWw5BPnzaFUrJXle8QXH0Mb\n"
                                  "FEjPBdbN7aiPsvWZFU5znrysGGlFjoVCmuMu3VhuGD5QSB0mf5zgMSJH7ZYXHw3P\n"
                                  "lwPTWPAP/9TTXUvvufAMqE0kjM8DcFX59b2FazmoghLzyOoqlwga3ZMzChrt0/5s\n"
                                  "M9oghllbILG6msZXZk1FQyFb6PGqWbbBCtzWQUgCPGEy90yd7U4TfWaC/k9QwIVZ\n"
                                  "qj8AeH3WkTGxGQrk1IL+qgA5X7MRoQsj2ZH45rByZ034LwBXkgE3nKGOw5yhX28c\n"
                                  "poo4aWnY7Gmiv2+RyfsAKBNc83m5jGYIkmJmq5sq7fjzO1V7d7Qnf7QHiGMr5I8q\n"
                                  "ypZlmVrTDZp8kS9PIyfg69eRQh+If1Br7MWfe5GKPD7rAnJgmCv3RmX58lxUUjfo\n"
                                  "BJOqBJZhR8+XPGJPLtwC0FhVgplA+PqGdwEr\n"
                                  "-----END OpenVPN tls-crypt-v2 client key-----\n";

/* sha256sum of the wrapped key in client_pem. */
static const char client_id[] = "8e2495ed06faf4deb93a368f095256650527c6abac506a0aaaf8a098e4ce00df";

enum { MADE = 1795305726 }; /* when OpenVPN made client_pem, unix seconds */

#endif
