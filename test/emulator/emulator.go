// Package emulator is AWS in one process: an HTTP server that speaks AWS's wire protocols, so that any AWS SDK works against it through
// AWS_ENDPOINT_URL, and behaves as AWS documents its services to. See the README for what is emulated and what isn't.
//
//	aws := emulator.New(emulator.Options{})
//	url, stop, err := aws.Start("127.0.0.1:0")
//	defer stop()
package emulator

import (
	"net/url"
	"time"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/cloudformation"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/eks"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/elb"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/elbv2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/eventbridge"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/s3"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/secretsmanager"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/servicequotas"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/sqs"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ssm"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/sts"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/tagging"
)

type (
	// Emulator is AWS in one process.
	Emulator = core.Emulator
	// Options are what is fixed when the emulator is made.
	Options = core.Options
	// Config is what may be changed while it runs.
	Config = core.Config
	// Role says who may assume it.
	Role = core.Role
	// Bucket is a token bucket.
	Bucket = core.Bucket
	// Fault makes matching requests go wrong.
	Fault = core.Fault
	// Faults holds the faults that are set.
	Faults = core.Faults
	// Entry is one request as the log keeps it.
	Entry = core.Entry
	// Resource is one line of the inventory.
	Resource = core.Resource
	// Record is a line of the inventory with all that AWS keeps of the resource.
	Record = core.Record
	// Clock is the emulator's idea of time.
	Clock = core.Clock
	// Identity is who made a token for a cluster.
	Identity = sts.Identity
	// Access is who may enter a cluster.
	Access = eks.Access
	// AddonState is an add-on as a cluster has it.
	AddonState = eks.AddonState
	// FakeClock stands still until it is advanced.
	FakeClock = core.FakeClock
)

// What a fault does; see core.Fault.
const (
	ErrorBefore = core.ErrorBefore
	ErrorAfter  = core.ErrorAfter
	Hold        = core.Hold
	HoldAfter   = core.HoldAfter
	DropBefore  = core.DropBefore
	DropAfter   = core.DropAfter
	Delay       = core.Delay
)

// DefaultAccount owns every access key that the configuration doesn't give to another account.
const DefaultAccount = core.DefaultAccount

// New makes an emulator with all its services. A further service is a folder of its own and one line here.
func New(options Options) *Emulator {
	return core.New(options,
		autoscaling.Service(),
		cloudformation.Service(),
		ec2.Service(),
		eks.Service(),
		elb.Service(),
		elbv2.Service(),
		eventbridge.Service(),
		iam.Service(),
		s3.Service(),
		secretsmanager.Service(),
		servicequotas.Service(),
		sqs.Service(),
		ssm.Service(),
		sts.Service(),
		tagging.Service(),
	)
}

// Identify tells who made a token ("k8s-aws-v1....") for a cluster of this name; the error says why it is none. Over HTTP it is
// GET /_emulator/ask/identify?token=&cluster=.
func Identify(e *Emulator, token, cluster string) (Identity, error) {
	who, err := e.Ask("identify", "", "us-east-1", url.Values{"token": {token}, "cluster": {cluster}})
	if err != nil {
		return Identity{}, err
	}
	return who.(Identity), nil
}

// AccessTo tells who may enter a cluster of an account ("" is the default one) and region; the error says that there is none. Over HTTP it
// is GET /_emulator/ask/access?account=&region=&cluster=.
func AccessTo(e *Emulator, account, region, cluster string) (Access, error) {
	access, err := e.Ask("access", account, region, url.Values{"cluster": {cluster}})
	if err != nil {
		return Access{}, err
	}
	return access.(Access), nil
}

// DefaultConfig is a prompt AWS without limits.
func DefaultConfig() Config { return core.DefaultConfig() }

// NewFakeClock returns a clock that moves only when told to.
func NewFakeClock(now time.Time) *FakeClock { return core.NewFakeClock(now) }
