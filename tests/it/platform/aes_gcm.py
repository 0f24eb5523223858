"""Prints AES-256-GCM of a text with its tag, made by OpenSSL's library: KEY NONCE TEXT, all in hexadecimal digits."""

import ctypes
import sys


def library():
    for name in ("libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    sys.exit("OpenSSL's library is needed")


def main():
    key, nonce, text = (bytes.fromhex(argument) for argument in sys.argv[1:])
    crypto = library()
    crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
    crypto.EVP_aes_256_gcm.restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(crypto.EVP_aes_256_gcm())
    sealed = ctypes.create_string_buffer(len(text) + 16)
    tag = ctypes.create_string_buffer(16)
    length = ctypes.c_int()
    done = [
        crypto.EVP_EncryptInit_ex(context, cipher, None, key, nonce),
        crypto.EVP_EncryptUpdate(context, sealed, ctypes.byref(length), text, len(text)),
        crypto.EVP_EncryptFinal_ex(context, sealed, ctypes.byref(length)),
        crypto.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, tag),
    ]
    if done != [1] * len(done):
        sys.exit("OpenSSL refused")
    print((sealed.raw[: len(text)] + tag.raw).hex())


main()
