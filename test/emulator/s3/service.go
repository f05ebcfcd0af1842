// Package s3 emulates the part of Amazon S3 that keeps user data for machines: buckets with a policy and objects, with path-style addresses.
package s3

import (
	"net/http"
	"strings"
	"time"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns S3 as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "s3",
		SigningName: "s3",
		Protocol:    rest{},
		Operations: []core.Operation{
			op(createBucket), op(headBucket), op(deleteBucket), op(listBuckets), op(getBucketLocation),
			op(putObject), op(getObject), op(headObject), op(deleteObject), op(deleteObjects), op(listObjectsV2),
			op(putObjectTagging), op(getObjectTagging), op(deleteObjectTagging),
			op(putSetting[PutBucketPolicyInput]), op(getSetting[GetBucketPolicyInput]), op(deleteSetting[DeleteBucketPolicyInput]),
			op(putSetting[PutBucketTaggingInput]), op(getSetting[GetBucketTaggingInput]), op(deleteSetting[DeleteBucketTaggingInput]),
			op(putSetting[PutBucketLifecycleConfigurationInput]), op(getSetting[GetBucketLifecycleConfigurationInput]),
			op(putSetting[PutBucketEncryptionInput]), op(getSetting[GetBucketEncryptionInput]),
			op(putSetting[PutPublicAccessBlockInput]), op(getSetting[GetPublicAccessBlockInput]),
			op(putSetting[PutBucketOwnershipControlsInput]), op(getSetting[GetBucketOwnershipControlsInput]),
			op(putSetting[PutBucketVersioningInput]), op(getSetting[GetBucketVersioningInput]),
		},
		Inventory: inventory,
	}
}

// op makes an operation's row; it refuses presigned requests after their end, and names bucket and object in the log.
func op[I any](do func(*core.Request, *I) (*response, error)) core.Operation {
	return core.Op(func(r *core.Request, in *I) (*response, error) {
		given := any(in).(interface{ get() *request }).get()
		if given.bucket != "" {
			r.Touch(strings.TrimSuffix(given.bucket+"/"+given.key, "/"))
		}
		if err := given.checkExpiry(r.Now()); err != nil {
			return nil, err
		}
		return do(r, in)
	})
}

func (r *request) get() *request { return r }

// checkExpiry holds a presigned URL to its end.
func (r *request) checkExpiry(now time.Time) error {
	if !r.query.Has("X-Amz-Expires") {
		return nil
	}
	signed, err := time.Parse("20060102T150405Z", r.query.Get("X-Amz-Date"))
	if err != nil {
		return refuse(http.StatusBadRequest, "AuthorizationQueryParametersError", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	seconds, err := time.ParseDuration(r.query.Get("X-Amz-Expires") + "s")
	if err != nil || seconds > 7*24*time.Hour {
		return refuse(http.StatusBadRequest, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week (in seconds)")
	}
	if now.After(signed.Add(seconds)) {
		return refuse(http.StatusForbidden, "AccessDenied", "Request has expired")
	}
	return nil
}

func refuse(status int, code, message string) error {
	return &core.Error{Code: code, Message: message, Status: status}
}

// bucket is a bucket with its objects and the settings it was given.
type bucket struct {
	created  time.Time
	objects  core.Table[object]
	settings map[string][]byte
}

type object struct {
	body     []byte
	kind     string
	etag     string
	modified time.Time
	tags     map[string]string
	// metadata are the headers X-Amz-Meta-*.
	metadata http.Header
}

type state struct{ buckets core.Table[bucket] }

func of(r *core.Region) *state { return core.Of[state](r) }

// find looks a bucket up. Names are global: one of another account is forbidden, one of another region lies elsewhere.
func find(r *core.Request, in *request) (*bucket, error) {
	if b := of(r.Region).buckets.Get(in.bucket); b != nil {
		if owner := in.header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != r.Region.Account {
			return nil, refuse(http.StatusForbidden, "AccessDenied", "Access Denied")
		}
		return b, nil
	}
	home := homeOf(r, in.bucket)
	switch {
	case home == nil:
		return nil, refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case home.Account != r.Region.Account:
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	return nil, &core.Error{Code: "PermanentRedirect", Status: http.StatusMovedPermanently, Header: http.Header{"X-Amz-Bucket-Region": {home.Name}},
		Message: "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."}
}

// homeOf is the account and region that have a bucket, in the caller's partition; nil if none has.
func homeOf(r *core.Request, name string) *core.Region {
	for _, region := range r.Everywhere() {
		if core.Partition(region.Name) == core.Partition(r.Region.Name) && of(region).buckets.Get(name) != nil {
			return region
		}
	}
	return nil
}

func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, row := range of(r).buckets.Rows() {
		out = append(out, core.Resource{Type: "bucket", ID: row.ID, Tags: row.Value.tags(), Content: row.Value.settings})
		for _, o := range row.Value.objects.Rows() {
			out = append(out, core.Resource{Type: "object", ID: row.ID + "/" + strings.TrimPrefix(o.ID, "/"), Tags: o.Value.tags, Content: o.Value})
		}
	}
	return out
}
