package validation

import (
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Limits of life-cycle hooks, from the Auto Scaling API reference.
const (
	minHeartbeat = 30 * time.Second
	maxHeartbeat = 172800 * time.Second
)

var hookNamePattern = regexp.MustCompile(`^[A-Za-z0-9_/-]{1,255}$`)

func validateLifecycleHooks(hooks []infrav1.AWSLifecycleHook, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i := range hooks {
		hook, at := &hooks[i], path.Index(i)
		errs = append(errs, validateLifecycleHook(hook, at)...)
		if seen[hook.Name] {
			err := field.Duplicate(at.Child("name"), hook.Name)
			err.Detail = "give each hook a name of its own"
			errs = append(errs, err)
		}
		seen[hook.Name] = true
	}
	return errs
}

func validateLifecycleHook(hook *infrav1.AWSLifecycleHook, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if hook.Name != "" && !hookNamePattern.MatchString(hook.Name) {
		errs = append(errs, field.Invalid(path.Child("name"), hook.Name, "must be at most 255 letters, digits and -_/, such as drain-node"))
	}
	const together = "notificationTargetARN and roleARN must be set together: write both, or neither"
	if hook.NotificationTargetARN != nil && hook.RoleARN == nil {
		errs = append(errs, field.Required(path.Child("roleARN"), together))
	}
	if hook.RoleARN != nil && hook.NotificationTargetARN == nil {
		errs = append(errs, field.Required(path.Child("notificationTargetARN"), together))
	}
	if arn := hook.RoleARN; arn != nil && !roleARNPattern.MatchString(*arn) {
		errs = append(errs, field.Invalid(path.Child("roleARN"), *arn, "must be the ARN of an IAM role such as arn:aws:iam::111122223333:role/my-role"))
	}
	return append(errs, validateHeartbeat(hook.HeartbeatTimeout, path.Child("heartbeatTimeout"))...)
}

func validateHeartbeat(text *string, path *field.Path) field.ErrorList {
	if text == nil {
		return nil
	}
	if timeout, err := time.ParseDuration(*text); err != nil || timeout < minHeartbeat || timeout > maxHeartbeat {
		return field.ErrorList{field.Invalid(path, *text, "must be a duration from 30s to 172800s (48h), such as 5m")}
	}
	return nil
}
