// Package bucket plans the S3 bucket that keeps bootstrap data of machines which
// are too large for their user data. All of it but Look is pure.
package bucket

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition type that reports on the bucket.
const Area = infrav1.S3BucketReadyCondition

const (
	keyPrefix = "bucket/"
	// roleNode is the role that existing tools give the bucket.
	roleNode = "node"
	// expiringPrefix is where machine pools keep their data: each version is read
	// while instances start from it, and nothing removes the old ones.
	expiringPrefix = "machine-pool/"
	expiryDays     = 1
)

// Intent is what the bucket has to be.
type Intent struct {
	Owner ownership.Owner
	Spec  *infrav1.S3Bucket
	// Region, Account and Partition are where the bucket and its readers are.
	Region, Account, Partition string
	// State is what the bucket is, nil while nobody has looked.
	State *State
	// Ready tells that the object was seen to have its bucket, Made that a bucket was
	// asked for when there was none: it is the cluster's before it has tags.
	Ready, Made bool
}

// State is a bucket as a look at it showed it. Objects aren't part of it.
type State struct {
	Exists bool
	// Blind tells that the rights to look are missing: then nothing is known but
	// what was written since.
	Blind bool
	Tags  map[string]string
	// Policy is the policy as JSON, "" for none.
	Policy string
	// Expires tells that what is below machine-pool/ is removed by itself.
	Expires bool
}

// Plan returns what is left to do until the bucket is as wanted.
func Plan(in Intent) plan.Plan {
	name, have := in.Spec.Name, in.State
	if have == nil {
		return plan.Plan{Waits: []plan.Wait{{Area: Area, Reason: infrav1.S3BucketFailedReason, Summary: "a look at bucket " + name}}}
	}
	claim := in.claim()
	switch {
	case have.Blind && !have.Exists && in.Ready:
		return plan.Plan{}
	case have.Blind && !have.Exists:
		return problem("bucket %s exists, and nobody may look whose it is; allow s3:GetBucketTagging, s3:GetBucketPolicy and s3:GetLifecycleConfiguration, or give another name in spec.s3Bucket.name", name)
	case have.Exists && !claim.Ours():
		return problem("bucket %s exists and is of %s; give another name in spec.s3Bucket.name", name, claim.Of)
	case have.Exists && len(in.others()) > 0 && !sameJSON(in.policy(), have.Policy):
		return problem("bucket %s is also of cluster %s, whose policy it has; give this cluster one of its own in spec.s3Bucket.name", name, strings.Join(in.others(), ", "))
	}
	var p plan.Plan
	add := func(part, operation, summary string, verb plan.Verb, input any) {
		a := plan.Action{Key: keyPrefix + part, Area: Area, Verb: verb, Operation: "s3." + operation, Input: input, Summary: summary,
			Journal: operation == "CreateBucket", Claims: operation == "PutBucketTagging" && claim.Verdict == ownership.Moved}
		if !have.Exists && verb != plan.Create {
			a.WaitsFor = "the bucket"
		}
		p.Actions = append(p.Actions, a)
	}
	if !have.Exists {
		add("itself", "CreateBucket", "create bucket "+name, plan.Create, in.create())
	}
	want := in.Owner.Tags(name, roleNode, nil)
	if len(names.Missing(want, have.Tags)) > 0 {
		// The call replaces all tags, and some may be somebody else's.
		all := maps.Clone(have.Tags)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, want)
		add("tags", "PutBucketTagging", "tag bucket "+name, plan.Update, in.tagging(all))
	}
	if policy := in.policy(); !sameJSON(policy, have.Policy) {
		add("policy", "PutBucketPolicy", "set the policy of bucket "+name, plan.Update,
			&s3.PutBucketPolicyInput{Bucket: aws.String(name), Policy: aws.String(policy)})
	}
	if !have.Expires {
		add("lifecycle", "PutBucketLifecycleConfiguration", fmt.Sprintf("set objects below %s of bucket %s to expire after %d day", expiringPrefix, name, expiryDays),
			plan.Update, in.lifecycle())
	}
	return p
}

// PlanDelete returns what is left until the cluster has no bucket. One that others
// use too, or that isn't the cluster's, stays.
func PlanDelete(in Intent) plan.Plan {
	name, have := in.Spec.Name, in.State
	switch {
	case have == nil:
		return plan.Plan{Waits: []plan.Wait{{Area: Area, Reason: infrav1.DeletingReason, Summary: "a look at bucket " + name}}}
	case have.Blind && !have.Exists && in.Ready:
		// What isn't empty, or isn't there, tells by the refusal.
	case !have.Exists || !in.claim().Ours():
		return plan.Plan{}
	}
	a := plan.Action{Key: CreateKey, Area: Area, Verb: plan.Delete, Operation: "s3.DeleteBucket",
		Input: &s3.DeleteBucketInput{Bucket: aws.String(name)}, Summary: "delete bucket " + name}
	if others := in.others(); len(others) > 0 {
		left := maps.Clone(have.Tags)
		delete(left, names.TagOwnedPrefix+in.Owner.Cluster)
		if left[names.TagUID] == in.Owner.UID {
			delete(left, names.TagUID)
		}
		a = plan.Action{Key: keyPrefix + "tags", Area: Area, Verb: plan.Update, Operation: "s3.PutBucketTagging", Input: in.tagging(left),
			Summary: fmt.Sprintf("leave bucket %s to %s", name, strings.Join(others, ", "))}
	}
	return plan.Plan{Actions: []plan.Action{a}}
}

// CreateKey is the key of the bucket's creation.
const CreateKey = keyPrefix + "itself"

// claim tells whose the bucket is.
func (in *Intent) claim() ownership.Claim {
	if in.Made && in.State.Tags[names.TagUID] == "" && !mirror.Owned(in.State.Tags) {
		return ownership.Claim{Verdict: ownership.Ours}
	}
	// The name is the user's word, and the same in every copy of a manifest: it proves
	// nothing of what another object made.
	return in.Owner.Claim(ownership.Resource{ID: ownership.Bucket(in.Spec.Name), Tags: in.State.Tags, Recorded: in.State.Tags[names.TagUID] == ""})
}

func problem(format string, args ...any) plan.Plan {
	return plan.Plan{Problems: []plan.Problem{{Area: Area, Reason: infrav1.S3BucketFailedReason, Summary: fmt.Sprintf(format, args...)}}}
}

// others returns the further clusters whose the bucket is.
func (in *Intent) others() []string {
	var others []string
	for _, key := range names.SortedKeys(in.State.Tags) {
		cluster, ok := strings.CutPrefix(key, names.TagOwnedPrefix)
		if ok && cluster != in.Owner.Cluster && in.State.Tags[key] == names.Owned {
			others = append(others, cluster)
		}
	}
	return others
}

func (in *Intent) create() *s3.CreateBucketInput {
	create := &s3.CreateBucketInput{Bucket: aws.String(in.Spec.Name)}
	// us-east-1 is where buckets are when nothing is said, and can't be said
	// (CreateBucket's documentation).
	if in.Region != "us-east-1" {
		create.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(in.Region)}
	}
	return create
}

func (in *Intent) tagging(tags map[string]string) *s3.PutBucketTaggingInput {
	set := make([]s3types.Tag, 0, len(tags))
	for _, k := range names.SortedKeys(tags) {
		set = append(set, s3types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return &s3.PutBucketTaggingInput{Bucket: aws.String(in.Spec.Name), Tagging: &s3types.Tagging{TagSet: set}}
}

func (in *Intent) lifecycle() *s3.PutBucketLifecycleConfigurationInput {
	return &s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String(in.Spec.Name),
		LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: []s3types.LifecycleRule{{
			ID: aws.String("machine-pool"), Status: s3types.ExpirationStatusEnabled,
			Filter:     &s3types.LifecycleRuleFilter{Prefix: aws.String(expiringPrefix)},
			Expiration: &s3types.LifecycleExpiration{Days: aws.Int32(expiryDays)}}}}}
}

// expires tells whether a rule removes what is below machine-pool/.
func expires(rules []s3types.LifecycleRule) bool {
	return slices.ContainsFunc(rules, func(r s3types.LifecycleRule) bool {
		return r.Status == s3types.ExpirationStatusEnabled && r.Filter != nil && aws.ToString(r.Filter.Prefix) == expiringPrefix &&
			r.Expiration != nil && aws.ToInt32(r.Expiration.Days) == expiryDays
	})
}
