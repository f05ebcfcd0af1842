package cloud

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// ConsoleOutput returns what an instance wrote to its console, as far as AWS has
// collected it: the newest output where the instance type can give it, else what
// was collected last, a few minutes ago. It is empty for an instance that has
// just begun to boot. The error is AWS's.
func ConsoleOutput(ctx context.Context, session *Session, instanceID string) (string, error) {
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
