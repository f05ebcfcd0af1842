package s3

import (
	"encoding/xml"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

type (
	// CreateBucketInput is the request of CreateBucket.
	CreateBucketInput struct{ request }
	// HeadBucketInput is the request of HeadBucket.
	HeadBucketInput struct{ request }
	// DeleteBucketInput is the request of DeleteBucket.
	DeleteBucketInput struct{ request }
	// ListBucketsInput is the request of ListBuckets.
	ListBucketsInput struct{ request }
	// GetBucketLocationInput is the request of GetBucketLocation.
	GetBucketLocationInput struct{ request }

	// PutBucketPolicyInput is the request of PutBucketPolicy.
	PutBucketPolicyInput struct{ request }
	// GetBucketPolicyInput is the request of GetBucketPolicy.
	GetBucketPolicyInput struct{ request }
	// DeleteBucketPolicyInput is the request of DeleteBucketPolicy.
	DeleteBucketPolicyInput struct{ request }
	// PutBucketTaggingInput is the request of PutBucketTagging.
	PutBucketTaggingInput struct{ request }
	// GetBucketTaggingInput is the request of GetBucketTagging.
	GetBucketTaggingInput struct{ request }
	// DeleteBucketTaggingInput is the request of DeleteBucketTagging.
	DeleteBucketTaggingInput struct{ request }
	// PutBucketLifecycleConfigurationInput is the request of PutBucketLifecycleConfiguration.
	PutBucketLifecycleConfigurationInput struct{ request }
	// GetBucketLifecycleConfigurationInput is the request of GetBucketLifecycleConfiguration.
	GetBucketLifecycleConfigurationInput struct{ request }
	// PutBucketEncryptionInput is the request of PutBucketEncryption.
	PutBucketEncryptionInput struct{ request }
	// GetBucketEncryptionInput is the request of GetBucketEncryption.
	GetBucketEncryptionInput struct{ request }
	// PutPublicAccessBlockInput is the request of PutPublicAccessBlock.
	PutPublicAccessBlockInput struct{ request }
	// GetPublicAccessBlockInput is the request of GetPublicAccessBlock.
	GetPublicAccessBlockInput struct{ request }
	// PutBucketOwnershipControlsInput is the request of PutBucketOwnershipControls.
	PutBucketOwnershipControlsInput struct{ request }
	// GetBucketOwnershipControlsInput is the request of GetBucketOwnershipControls.
	GetBucketOwnershipControlsInput struct{ request }
	// PutBucketVersioningInput is the request of PutBucketVersioning.
	PutBucketVersioningInput struct{ request }
	// GetBucketVersioningInput is the request of GetBucketVersioning.
	GetBucketVersioningInput struct{ request }
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	// reservedName are names that "General purpose bucket naming rules" keep for IP addresses and for S3 itself.
	reservedName = regexp.MustCompile(`\.\.|^(\d+\.){3}\d+$|^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$`)
)

// createBucket succeeds in us-east-1 for a bucket that the account has there already, as S3 does.
func createBucket(r *core.Request, in *CreateBucketInput) (*response, error) {
	s := of(r.Region)
	if !bucketName.MatchString(in.bucket) || reservedName.MatchString(in.bucket) {
		return nil, refuse(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
	}
	var asked struct{ LocationConstraint string }
	if len(in.body) > 0 && xml.Unmarshal(in.body, &asked) != nil {
		return nil, refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	home, owner := r.Region.Name, homeOf(r, in.bucket)
	switch {
	case home == "us-east-1" && asked.LocationConstraint != "":
		return nil, refuse(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid")
	case home != "us-east-1" && asked.LocationConstraint != home:
		return nil, refuse(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The "+asked.LocationConstraint+" location constraint is incompatible for the region specific endpoint this request was sent to.")
	case owner != nil && owner.Account != r.Region.Account:
		return nil, refuse(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all "+
			"users of the system. Please select a different name and try again.")
	case owner != nil && (owner != r.Region || home != "us-east-1"):
		return nil, refuse(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
	}
	if s.buckets.Get(in.bucket) == nil {
		s.buckets.Put(in.bucket, &bucket{created: r.Now(), settings: map[string][]byte{}}, r.Now())
	}
	return &response{header: http.Header{"Location": {"/" + in.bucket}}}, nil
}

func headBucket(r *core.Request, in *HeadBucketInput) (*response, error) {
	_, err := find(r, &in.request)
	return &response{header: http.Header{"X-Amz-Bucket-Region": {r.Region.Name}}}, err
}

func deleteBucket(r *core.Request, in *DeleteBucketInput) (*response, error) {
	b, err := find(r, &in.request)
	if err != nil {
		return nil, err
	}
	if b.objects.Len() > 0 {
		return nil, refuse(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
	}
	of(r.Region).buckets.Delete(in.bucket)
	return &response{status: http.StatusNoContent}, nil
}

const timeFormat = "2006-01-02T15:04:05.000Z"

func listBuckets(r *core.Request, _ *ListBucketsInput) (*response, error) {
	type line struct{ Name, CreationDate string }
	out := struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Buckets []line   `xml:"Buckets>Bucket"`
	}{}
	for _, row := range of(r.Region).buckets.Rows() {
		out.Buckets = append(out.Buckets, line{row.ID, row.Created.UTC().Format(timeFormat)})
	}
	return document(out)
}

func getBucketLocation(r *core.Request, in *GetBucketLocationInput) (*response, error) {
	if _, err := find(r, &in.request); err != nil {
		return nil, err
	}
	where := r.Region.Name
	if where == "us-east-1" {
		where = ""
	}
	return document(struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Text    string   `xml:",chardata"`
	}{Text: where})
}

func document(content any) (*response, error) {
	body, err := xml.Marshal(content)
	return &response{body: append([]byte(xml.Header), body...)}, err
}

// settingOf is the part of an input type's name behind the verb: "BucketPolicy" of PutBucketPolicyInput.
func settingOf[I any](verb string) string {
	return strings.TrimSuffix(strings.TrimPrefix(reflect.TypeFor[I]().Name(), verb), "Input")
}

// putSetting keeps a setting of a bucket as it is given.
func putSetting[I any](r *core.Request, in *I) (*response, error) {
	given, name := any(in).(interface{ get() *request }).get(), settingOf[I]("Put")
	b, err := find(r, given)
	if err != nil {
		return nil, err
	}
	if name == "BucketPolicy" {
		if err := checkPolicy(r, given.body); err != nil {
			return nil, err
		}
	}
	if name == "BucketTagging" {
		if _, err := tagSet(given.body, mostBucketTags); err != nil {
			return nil, err
		}
	}
	if name != "BucketPolicy" && xml.Unmarshal(given.body, new(struct{})) != nil {
		return nil, refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	b.settings[name] = given.body
	return &response{status: http.StatusOK}, nil
}

// checkPolicy refuses what is no policy of a bucket, and one that names a role which doesn't exist ("Bucket policies", "IAM JSON policy elements:
// Principal").
func checkPolicy(r *core.Request, text []byte) error {
	d, err := policy.ParseShared(string(text))
	if err != nil {
		return refuse(http.StatusBadRequest, "MalformedPolicy", err.Error())
	}
	for _, arn := range d.Named("AWS") {
		if strings.Contains(arn, ":role/") && strings.Contains(arn, ":"+r.Account+":") {
			if _, ok := iam.RoleOf(r.Region, arn); !ok {
				return refuse(http.StatusBadRequest, "MalformedPolicy", "Invalid principal in policy")
			}
		}
	}
	return nil
}

// notSet are the answers for settings that a bucket doesn't have.
var notSet = map[string]string{
	"BucketPolicy": "NoSuchBucketPolicy", "BucketTagging": "NoSuchTagSet", "BucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
	"BucketEncryption": "ServerSideEncryptionConfigurationNotFoundError", "PublicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
	"BucketOwnershipControls": "OwnershipControlsNotFoundError",
}

func getSetting[I any](r *core.Request, in *I) (*response, error) {
	given, name := any(in).(interface{ get() *request }).get(), settingOf[I]("Get")
	b, err := find(r, given)
	if err != nil {
		return nil, err
	}
	body, ok := b.settings[name]
	switch {
	case ok && name == "BucketPolicy":
		return &response{kind: "application/json", body: body}, nil
	case ok:
		return &response{body: body}, nil
	case name == "BucketVersioning":
		return &response{body: []byte("<VersioningConfiguration/>")}, nil
	}
	return nil, refuse(http.StatusNotFound, notSet[name], "The bucket has no such setting")
}

func deleteSetting[I any](r *core.Request, in *I) (*response, error) {
	given := any(in).(interface{ get() *request }).get()
	b, err := find(r, given)
	if err != nil {
		return nil, err
	}
	delete(b.settings, settingOf[I]("Delete"))
	return &response{status: http.StatusNoContent}, nil
}
