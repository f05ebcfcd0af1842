package bootstrap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Secrets are the secrets of one object.
type Secrets struct {
	Backend infrav1.SecretBackend
	Prefix  string
	// Area is the condition type that reports on them.
	Area string
	Tags map[string]string
}

// Key returns the key of the actions about a part.
func (s Secrets) Key(part int) string {
	return "bootstrap-secret/" + SecretName(s.Backend, s.Prefix, part)
}

// Digest tells contents apart.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Create returns what stores a part. The content is in the action's input.
func (s Secrets) Create(part int, data []byte) plan.Action {
	name := SecretName(s.Backend, s.Prefix, part)
	a := plan.Action{Key: s.Key(part), Area: s.Area, Verb: plan.Create, Summary: fmt.Sprintf("create secret %s with bootstrap data", name)}
	if s.Backend == infrav1.SecretBackendSSMParameterStore {
		in := &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String(string(data)), Type: ssmtypes.ParameterTypeSecureString}
		for _, k := range names.SortedKeys(s.Tags) {
			in.Tags = append(in.Tags, ssmtypes.Tag{Key: aws.String(k), Value: aws.String(s.Tags[k])})
		}
		a.Operation, a.Input = "ssm.PutParameter", in
		return a
	}
	in := &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretBinary: data, ClientRequestToken: aws.String(names.Token(name, Digest(data)))}
	for _, k := range names.SortedKeys(s.Tags) {
		in.Tags = append(in.Tags, smtypes.Tag{Key: aws.String(k), Value: aws.String(s.Tags[k])})
	}
	a.Operation, a.Input = "secretsmanager.CreateSecret", in
	return a
}

// Delete returns what removes a part for good.
func (s Secrets) Delete(part int) plan.Action {
	name := SecretName(s.Backend, s.Prefix, part)
	a := plan.Action{Key: s.Key(part), Area: s.Area, Verb: plan.Delete, Summary: fmt.Sprintf("delete secret %s", name)}
	if s.Backend == infrav1.SecretBackendSSMParameterStore {
		a.Operation, a.Input = "ssm.DeleteParameter", &ssm.DeleteParameterInput{Name: aws.String(name)}
		return a
	}
	a.Operation = "secretsmanager.DeleteSecret"
	a.Input = &secretsmanager.DeleteSecretInput{SecretId: aws.String(name), ForceDeleteWithoutRecovery: aws.Bool(true)}
	return a
}

// objectKeyPrefix begins the keys of the actions about objects.
const objectKeyPrefix = "bootstrap-object/"

// objectUID is the key of an object's metadata that tells for which object it was made.
const objectUID = "capa-apiserver-uid"

// PutObject returns what stores data in a bucket, for the object with the UID.
func PutObject(area, bucket, key, uid string, data []byte) plan.Action {
	return plan.Action{Key: objectKeyPrefix + key, Area: area, Verb: plan.Create, Operation: "s3.PutObject",
		Input: &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(data),
			ContentLength: aws.Int64(int64(len(data))), Metadata: map[string]string{objectUID: uid}},
		Summary: fmt.Sprintf("create object %s in bucket %s with bootstrap data", key, bucket)}
}

// DeleteObject returns what removes it.
func DeleteObject(area, bucket, key string) plan.Action {
	return plan.Action{Key: objectKeyPrefix + key, Area: area, Verb: plan.Delete, Operation: "s3.DeleteObject",
		Input:   &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)},
		Summary: fmt.Sprintf("delete object %s of bucket %s", key, bucket)}
}

// Body returns a reader of the data of a PutObject from its beginning.
func Body(in *s3.PutObjectInput) io.Reader {
	if r, ok := in.Body.(*bytes.Reader); ok {
		fresh := *r
		_, _ = fresh.Seek(0, io.SeekStart)
		return &fresh
	}
	return in.Body
}

// MaxPresignTime is how long a link into a bucket can be good at most.
const MaxPresignTime = 7 * 24 * time.Hour

// Content returns the data that the input of a creation stores.
func Content(input any) ([]byte, error) {
	switch in := input.(type) {
	case *secretsmanager.CreateSecretInput:
		return in.SecretBinary, nil
	case *ssm.PutParameterInput:
		return []byte(aws.ToString(in.Value)), nil
	case *s3.PutObjectInput:
		return io.ReadAll(Body(in))
	}
	return nil, fmt.Errorf("%T stores no bootstrap data", input)
}
