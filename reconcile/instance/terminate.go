package instance

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// terminateWindow is how long the first of a batch waits for others. Machines
	// that are scaled down together are reconciled within that time.
	terminateWindow = 100 * time.Millisecond
	// terminateMost is how many instances one call may name.
	terminateMost = 1000
	// terminateTimeout bounds a batch, the wait for the budget included.
	terminateTimeout = 2 * time.Minute
)

// Terminator ends instances, those that are asked for at about the same time with
// the same session in one call.
type Terminator struct {
	mu      sync.Mutex
	batches map[*cloud.Session]*termination
}

// termination is one batch, for everybody who waits for it.
type termination struct {
	ids  []string
	done chan struct{}
	out  map[string]ec2types.InstanceStateChange
	errs map[string]error
}

// NewTerminator gives a terminator.
func NewTerminator() *Terminator { return &Terminator{batches: map[*cloud.Session]*termination{}} }

// Terminate ends instances and returns their states. ctx's end ends the wait and
// not the batch.
func (t *Terminator) Terminate(ctx context.Context, s *cloud.Session, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	out := &ec2.TerminateInstancesOutput{}
	for _, id := range in.InstanceIds {
		b := t.join(ctx, s, id)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.done:
		}
		if err := b.errs[id]; err != nil {
			return nil, err
		}
		if change, ok := b.out[id]; ok {
			out.TerminatingInstances = append(out.TerminatingInstances, change)
		}
	}
	return out, nil
}

func (t *Terminator) join(ctx context.Context, s *cloud.Session, id string) *termination {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.batches[s]
	if b == nil {
		b = &termination{done: make(chan struct{}), out: map[string]ec2types.InstanceStateChange{}, errs: map[string]error{}}
		t.batches[s] = b
		detached := context.WithoutCancel(ctx)
		time.AfterFunc(terminateWindow, func() { t.run(detached, s, b) })
	}
	b.ids = appendNew(b.ids, id)
	if len(b.ids) == terminateMost {
		delete(t.batches, s) // the next one begins another batch
	}
	return b
}

func (t *Terminator) run(ctx context.Context, s *cloud.Session, b *termination) {
	t.mu.Lock()
	if t.batches[s] == b {
		delete(t.batches, s)
	}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, terminateTimeout)
	defer cancel()
	b.call(ctx, s, b.ids)
	close(b.done)
}

// call ends the instances. AWS refuses a call as a whole when one of the ids
// doesn't exist or one of the instances is protected; then halves are tried, so
// that one bad id costs few calls. A throttle or an outage is no reason for that.
func (b *termination) call(ctx context.Context, s *cloud.Session, ids []string) {
	out, err := s.EC2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: ids})
	if err == nil {
		for _, change := range out.TerminatingInstances {
			b.out[aws.ToString(change.InstanceId)] = change
		}
		return
	}
	if len(ids) > 1 && splits(err) {
		b.call(ctx, s, ids[:len(ids)/2])
		b.call(ctx, s, ids[len(ids)/2:])
		return
	}
	for _, id := range ids {
		b.errs[id] = err
	}
}

// splits tells that an error may be the fault of some of the ids only.
func splits(err error) bool {
	switch cloud.Classify(err).Class {
	case cloud.NotFound, cloud.InvalidParameter, cloud.Unauthorized, cloud.Unknown:
		return true
	}
	return cloud.Classify(err).Code == "OperationNotPermitted"
}
