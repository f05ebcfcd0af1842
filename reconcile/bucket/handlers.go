package bucket

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what is planned for buckets. Nothing of it is mirrored: see
// State.After.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateBucket", (*s3.Client).CreateBucket, nil),
		plan.Call("TagBucket", (*s3.Client).PutBucketTagging, nil),
		plan.Call("SetBucketPolicy", (*s3.Client).PutBucketPolicy, nil),
		plan.Call("SetBucketLifecycle", (*s3.Client).PutBucketLifecycleConfiguration, nil),
		plan.Call("DeleteBucket", (*s3.Client).DeleteBucket, nil),
	}
}

// After returns the state that follows when AWS has done an action.
func (s State) After(a plan.Action) *State {
	switch in := a.Input.(type) {
	case *s3.CreateBucketInput:
		s.Exists = true
	case *s3.PutBucketTaggingInput:
		s.Tags = map[string]string{}
		for _, t := range in.Tagging.TagSet {
			s.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
	case *s3.PutBucketPolicyInput:
		s.Policy = aws.ToString(in.Policy)
	case *s3.PutBucketLifecycleConfigurationInput:
		s.Expires = true
	case *s3.DeleteBucketInput:
		s = State{}
	}
	return &s
}
