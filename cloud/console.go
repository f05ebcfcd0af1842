package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/utils/clock"
)

const (
	// consoleAge is how long a console's text is shown to all who ask: however many
	// they are, AWS is asked once a second.
	consoleAge = time.Second
	// consoleTimeout bounds one look.
	consoleTimeout = 30 * time.Second
)

// Consoles reads consoles of instances, for all who ask.
type Consoles struct{ memo *Memo[string] }

// NewConsoles gives a reader that knows nothing yet. The clock is the real one if nil.
func NewConsoles(c clock.PassiveClock) *Consoles {
	return &Consoles{NewMemo[string](c, MemoTimes{Answer: consoleAge, Failure: consoleAge, Timeout: consoleTimeout})}
}

// Output returns what an instance wrote to its console, as far as AWS has
// collected it. Who asks at the same time, or a second later, shares one look at AWS;
// whether he may see it is for the caller to know. The error is AWS's, or ctx's.
func (c *Consoles) Output(ctx context.Context, session *Session, instanceID string) (string, error) {
	return c.memo.Get(ctx, session.Asker(), instanceID, func(ctx context.Context) (string, error) {
		return consoleOutput(ctx, session, instanceID)
	})
}

// consoleOutput returns the newest output where the instance type can give it, else
// what was collected last, a few minutes ago. It is empty for an instance that has
// just begun to boot. The error is AWS's.
func consoleOutput(ctx context.Context, session *Session, instanceID string) (string, error) {
	in := &ec2.GetConsoleOutputInput{InstanceId: aws.String(instanceID), Latest: aws.Bool(true)}
	out, err := session.EC2.GetConsoleOutput(ctx, in)
	if Is(err, InvalidParameter) {
		// Only instance types built on Nitro know the newest output.
		in.Latest = nil
		out, err = session.EC2.GetConsoleOutput(ctx, in)
	}
	if err != nil {
		return "", fmt.Errorf("read the console output of instance %s: %w", instanceID, err)
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
	if err != nil {
		return "", fmt.Errorf("read the console output of instance %s: AWS's answer is not base64: %w", instanceID, err)
	}
	return string(text), nil
}
