package events

import (
	"context"
	"fmt"
	"slices"
	"time"

	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"k8s.io/klog/v2"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

const (
	// firstRetry and lastRetry bound the pause after failures, which doubles. Sweeps
	// go on, so that nobody waits for it.
	firstRetry, lastRetry = 5 * time.Second, 5 * time.Minute
	// renewAfter is how long queue and rule are taken for granted: somebody who
	// removes the rule takes the events away without an error to be seen.
	renewAfter = 10 * time.Minute
	// removals is how often the removal is tried.
	removals = 5
)

// poller receives the messages of one account and region.
type poller struct {
	*Options
	place place
	// latest is the session that was used last.
	latest *cloud.Session
	// told is the failure that was reported; "" while all is well or nothing known.
	told     string
	failures int
}

// run receives until stop is closed, and then removes the queue; or until ctx ends.
func (p *poller) run(ctx context.Context, stop <-chan struct{}) {
	needed, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-needed.Done():
		}
	}()
	for needed.Err() == nil {
		if err := p.session(needed); err != nil && needed.Err() == nil {
			p.down(err)
			p.pause(needed)
		}
	}
	if ctx.Err() == nil {
		p.remove(ctx)
	}
	connected.DeleteLabelValues(p.place.scope.Account, p.place.scope.Region)
}

// session sets up the queue and receives for a while. It returns nil when it's time
// to do so anew.
func (p *poller) session(ctx context.Context) error {
	var url string
	s, err := p.with(func(s *cloud.Session) (err error) {
		url, err = p.place.ensure(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	renew := p.Clock.Now().Add(renewAfter)
	for p.Clock.Now().Before(renew) && slices.Contains(p.Mirror.Sessions(p.place.scope), s) {
		messages, err := receive(ctx, s, url)
		if err != nil {
			return err
		}
		p.up()
		if err := discard(ctx, s, url, p.take(messages)); err != nil {
			return err
		}
	}
	return nil
}

// with makes a call with the first of the scope's sessions that is allowed to. The last
// object takes the sessions with it; what it leaves is removed with the latest one. While
// objects need the scope, one that they don't want any more isn't used.
func (p *poller) with(call func(*cloud.Session) error) (*cloud.Session, error) {
	sessions := p.Mirror.Sessions(p.place.scope)
	if len(sessions) == 0 && p.latest != nil && !slices.Contains(p.Needed(), p.place.scope) {
		sessions = []*cloud.Session{p.latest}
	}
	p.latest = nil
	err := fmt.Errorf("%s: %w", p.place.scope, mirror.ErrNotWatched)
	for _, s := range sessions {
		if err = call(s); err == nil || !cloud.IsUnauthorized(err) {
			p.latest = s
		}
		if err == nil {
			return s, nil
		}
		if !cloud.IsUnauthorized(err) {
			break
		}
	}
	return nil, err
}

// take passes on what messages say, and returns those that are done with. What
// announces something is kept until it comes once more: should this process end
// before the object shows it, the next one learns of it.
func (p *poller) take(messages []sqstypes.Message) (done []sqstypes.Message) {
	scope := p.place.scope
	var hints []mirror.Hint
	for _, m := range messages {
		said, err := parse(scope, *m.Body)
		if err != nil {
			messagesTotal.WithLabelValues(scope.Account, scope.Region, "unreadable").Inc()
			done = append(done, m)
			continue
		}
		if first := m.Attributes[string(sqstypes.MessageSystemAttributeNameApproximateReceiveCount)] == "1"; first {
			messagesTotal.WithLabelValues(scope.Account, scope.Region, said.known()).Inc()
			delay.Observe(p.Clock.Since(said.Time).Seconds())
			if len(said.notices()) == 0 {
				done = append(done, m)
			}
		} else {
			done = append(done, m)
		}
		// The first to receive it may have ended before it could look.
		hints = append(hints, said.hints()...)
		for _, n := range said.notices() {
			p.Notify(scope, n)
		}
	}
	p.Mirror.Hint(scope, hints...)
	return done
}

// known is the message's type for metrics, which only count what the rule asks for.
func (m *message) known() string {
	if slices.Contains(pattern["detail-type"], m.DetailType) {
		return m.DetailType
	}
	return "other"
}

// up notes that messages are received.
func (p *poller) up() {
	scope := p.place.scope
	connected.WithLabelValues(scope.Account, scope.Region).Set(1)
	if p.told != "" {
		klog.InfoS("AWS's events are received again", "scope", scope.String())
	}
	p.told, p.failures = "", 0
}

// down notes a failure, and reports it unless it is the same as before.
func (p *poller) down(err error) {
	scope, class := p.place.scope, cloud.Classify(err)
	connected.WithLabelValues(scope.Account, scope.Region).Set(0)
	failuresTotal.WithLabelValues(scope.Account, scope.Region, class.Reason).Inc()
	p.failures++
	if p.told == class.Message {
		return
	}
	p.told = class.Message
	klog.ErrorS(err, "AWS's events aren't received; sweeps find changes instead", "scope", scope.String())
	p.Report(scope, class)
}

// pause waits before the next attempt.
func (p *poller) pause(ctx context.Context) {
	wait := min(firstRetry<<min(p.failures-1, 10), lastRetry)
	timer := p.Clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// remove removes queue and rule, which nobody needs any more.
func (p *poller) remove(ctx context.Context) {
	p.failures = 0
	for range removals {
		_, err := p.with(func(s *cloud.Session) error { return p.place.remove(ctx, s) })
		if err == nil {
			return
		}
		failuresTotal.WithLabelValues(p.place.scope.Account, p.place.scope.Region, cloud.Classify(err).Reason).Inc()
		p.failures++
		if p.failures == removals || ctx.Err() != nil {
			klog.ErrorS(err, "Queue and rule are left behind", "scope", p.place.scope.String(), "queue", p.place.queue, "rule", p.place.rule)
			return
		}
		p.pause(ctx)
	}
}
