package v2beta1

import (
	"strings"

	"golang.org/x/crypto/blake2b"
)

// EKSName returns the name in AWS of something that belongs to EKS and that its object doesn't
// name: NAMESPACE_NAME, or a hash of it where that isn't shorter than a limit. It must never
// change: existing clusters are found by it.
func EKSName(namespace, name string, limit int) string {
	const prefix, length = "capa_", 32
	full := namespace + "_" + strings.ReplaceAll(name, ".", "_")
	if len(full) < limit {
		return full
	}
	return prefix + NameHash(full, length-len(prefix))
}

// NameHash returns a hash with the given number of digits and lower case
// letters. It must never change: names of existing resources depend on it.
func NameHash(s string, length int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	h, err := blake2b.New(length, nil)
	if err != nil {
		panic(err) // only for lengths outside 1..64
	}
	h.Write([]byte(s))
	out := make([]byte, 0, length)
	for _, b := range h.Sum(nil) {
		out = append(out, digits[int(b)%len(digits)])
	}
	return string(out)
}
