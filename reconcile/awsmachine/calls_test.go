package awsmachine

// The calls of a control plane machine's life, each of which may get lost.
var (
	launchCalls = []string{"secretsmanager.CreateSecret", "ec2.RunInstances", "elbv2.RegisterTargets"}
	deleteCalls = []string{"elbv2.DeregisterTargets", "ec2.TerminateInstances", "secretsmanager.DeleteSecret"}
)
