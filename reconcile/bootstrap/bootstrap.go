// Package bootstrap turns a machine's bootstrap data into what an instance can
// be launched with: secrets and a script that fetches them, plain user data, or a
// pointer into a bucket. All of it is pure, and the same data always gives the
// same bytes: a launch that is repeated must not differ from the first.
package bootstrap

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Format is the language of bootstrap data.
type Format string

// The formats that bootstrap providers write. No format means cloud-init.
const (
	CloudInit Format = "cloud-config"
	Ignition  Format = "ignition"
)

// Data is what a bootstrap provider left in its Secret.
type Data struct {
	Value  []byte
	Format Format
}

// DataOf reads a Secret with bootstrap data, by the keys of Cluster API's bootstrap contract.
func DataOf(secret *corev1.Secret) (*Data, error) {
	value, ok := secret.Data["value"]
	if !ok {
		return nil, fmt.Errorf("the Secret %s/%s has no key %q with bootstrap data", secret.Namespace, secret.Name, "value")
	}
	return &Data{Value: value, Format: Format(secret.Data["format"])}, nil
}

// maxUserData is how much user data an instance takes, before base64.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
const maxUserData = 16 << 10

// The sizes of the parts that data is cut into: a secret holds 64 KiB and a
// parameter of the standard tier 4 KiB. Existing tools cut at these.
const (
	secretPart    = 7000
	parameterPart = 4000
)

// Recorded returns how many secrets there are of an object that records the count,
// which may have been stored before there was a bound.
func Recorded(count int32) int { return max(0, min(int(count), infrav1.MaxSecretCount)) }

// entry begins the names of secrets, so that policies can name them.
const entry = "aws.cluster.x-k8s.io"

// Prefix returns what the names of an object's secrets begin with. It follows
// from the object's UID, so that making them twice makes them once.
func Prefix(backend infrav1.SecretBackend, uid string) string {
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(entry+"/"+uid)).String()
	if backend == infrav1.SecretBackendSSMParameterStore {
		return "/" + strings.TrimPrefix(entry, "aws.") + "/" + id
	}
	return entry + "/" + id
}

// formerPrefix is what prefixes look like that were made for another UID, by this
// program or by another one.
var formerPrefix = regexp.MustCompile(`^(aws\.|/)cluster\.x-k8s\.io/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Former tells whether a prefix may be that of an object before it was moved. Any other
// is nobody's here, whoever wrote it down.
func Former(prefix string) bool { return formerPrefix.MatchString(prefix) }

// SecretName returns the name of the part with the number, counted from 0.
func SecretName(backend infrav1.SecretBackend, prefix string, part int) string {
	if backend == infrav1.SecretBackendSSMParameterStore {
		return fmt.Sprintf("%s/%d", prefix, part)
	}
	return fmt.Sprintf("%s-%d", prefix, part)
}

// Parts cuts data into what the secrets hold. A parameter holds text, so the data
// is encoded first. The error says that it is too long.
func Parts(backend infrav1.SecretBackend, data []byte) ([][]byte, error) {
	size := secretPart
	if backend == infrav1.SecretBackendSSMParameterStore {
		size = parameterPart
		data = []byte(base64.StdEncoding.EncodeToString(data))
	}
	var parts [][]byte
	for len(data) > size {
		parts, data = append(parts, data[:size]), data[size:]
	}
	parts = append(parts, data)
	if len(parts) > infrav1.MaxSecretCount {
		return nil, fmt.Errorf("the bootstrap data needs %d secrets, and a machine may have %d: keep less in its files, and leave uncompressedUserData out, or use ignition, which is kept in the cluster's bucket",
			len(parts), infrav1.MaxSecretCount)
	}
	return parts, nil
}

// Compress returns the data compressed with gzip, which cloud-init and the fetch
// script understand.
func Compress(data []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	// A buffer takes everything.
	_, _ = w.Write(data)
	_ = w.Close()
	return out.Bytes()
}

// Plain returns user data that holds the bootstrap data itself. The error says
// that it is too long.
func Plain(data Data, compress bool) ([]byte, error) {
	value := data.Value
	if compress && data.Format != Ignition {
		value = Compress(value)
	}
	return value, Fits(value)
}

// Fits tells whether an instance takes the user data.
func Fits(userData []byte) error {
	if len(userData) > maxUserData {
		return fmt.Errorf("the user data has %d bytes, and EC2 takes %d: keep the bootstrap data in Secrets Manager (cloudInit) or in the cluster's bucket (ignition)",
			len(userData), maxUserData)
	}
	return nil
}
