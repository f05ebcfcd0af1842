package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

func TestWhatIsUndoneAgainAndAgainIsRedoneMoreAndMoreRarely(t *testing.T) {
	tag := Action{Key: "vpc/tags", Area: "VpcReady", Operation: "ec2.CreateTags", Input: &ec2.CreateTagsInput{Resources: []string{"vpc-1"}}}
	var h Holds
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	done := 0
	for now := begin; now.Before(begin.Add(time.Hour)); now = now.Add(250 * time.Millisecond) {
		h.ReleaseExcept(func(key string) bool { return key == tag.Key })
		for _, a := range h.Ready([]Action{tag}, now) {
			done++
			h.Did(a, now)
		}
	}
	if done < 10 || done > 20 {
		t.Errorf("it was done %d times in an hour", done)
	}
	if told := strings.Join(h.Failures()["VpcReady"], "; "); !strings.Contains(told, "undone") || !strings.Contains(told, "ec2.CreateTags") {
		t.Errorf("told is %q", told)
	}
	if next := h.Next(); next.IsZero() || next.After(begin.Add(2*time.Hour)) {
		t.Errorf("it is next done at %v", next)
	}
}

func TestANewTokenIsNoOtherAction(t *testing.T) {
	version := func(token string) Action {
		return Action{Key: "version", Area: "LaunchTemplateReady", Operation: "ec2.CreateLaunchTemplateVersion", By: "principal arn:alice",
			Input: &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: aws.String("lt-1"), ClientToken: aws.String(token)}}
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var h Holds
	for _, token := range []string{"1", "2", "3"} {
		h.Did(version(token), now)
	}
	if n := len(h.Ready([]Action{version("4")}, now)); n != 0 {
		t.Error("it is done again at once")
	}
	if told := strings.Join(h.Failures()["LaunchTemplateReady"], "; "); !strings.Contains(told, "3 times") || !strings.Contains(told, "by principal arn:alice") {
		t.Errorf("told is %q", told)
	}
}

func TestWhatIsPlannedForTheFirstTimeWaitsForNothing(t *testing.T) {
	tag := func(id string) Action {
		return Action{Key: "tags", Area: "VpcReady", Operation: "ec2.CreateTags", Input: &ec2.CreateTagsInput{Resources: []string{id}, DryRun: aws.Bool(false)}}
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var h Holds
	h.Did(tag("vpc-1"), now)
	if n := len(h.Ready([]Action{tag("vpc-1"), tag("vpc-2")}, now)); n != 1 {
		t.Errorf("%d actions are ready, want the one that wasn't done", n)
	}
	if len(h.Failures()) > 0 {
		t.Errorf("something is told of what was done once: %v", h.Failures())
	}
	// What drifts once in a while is repaired at once.
	for range 20 {
		now = now.Add(5 * time.Minute)
		if len(h.Ready([]Action{tag("vpc-1")}, now)) != 1 {
			t.Fatal("a repair after a quiet time has to wait")
		}
		h.Did(tag("vpc-1"), now)
	}
	if h.Ready(nil, now); !h.Next().IsZero() {
		t.Error("something is waited for that isn't planned")
	}
}
