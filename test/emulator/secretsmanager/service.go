// Package secretsmanager emulates the part of AWS Secrets Manager that keeps a secret until it is fetched.
package secretsmanager

import (
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns Secrets Manager as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "secretsmanager",
		SigningName: "secretsmanager",
		Protocol:    &core.JSON{},
		Operations: []core.Operation{
			core.Op(createSecret), core.Op(putSecretValue), core.Op(getSecretValue), core.Op(describeSecret), core.Op(listSecrets), core.Op(deleteSecret),
			core.Op(restoreSecret), core.Op(tagResource), core.Op(untagResource),
		},
		Inventory: inventory,
	}
}

// secret is a secret with its current value only.
type secret struct {
	entry  types.SecretListEntry
	text   *string
	binary []byte
	// version is the client's token of the present value, token that of the creation.
	version, token string
}

type state struct{ secrets core.Table[secret] }

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

// Limits of the API reference.
const (
	longestName   = 512
	shortestToken = 32
	longestToken  = 64
	biggestValue  = 65536
	mostResults   = 100
	// recovery is how long a deleted secret can be restored unless the deletion says otherwise.
	recovery = 30 * 24 * time.Hour
)

// find looks a secret up by name, ARN or ARN without the random suffix. deleted says whether one that waits for its deletion will do.
func find(r *core.Request, id *string, deleted bool) (*secret, error) {
	rows := []*core.Row[secret]{}
	if row := of(r.Region).secrets.Row(core.Val(id)); row != nil {
		rows = append(rows, row)
	} else if strings.HasPrefix(core.Val(id), "arn:") {
		rows = of(r.Region).secrets.Rows()
	}
	for _, row := range rows {
		arn := *row.Value.entry.ARN
		if row.ID != core.Val(id) && arn != core.Val(id) && arn[:len(arn)-7] != core.Val(id) || r.Hidden(row.Created) {
			continue
		}
		if row.Value.entry.DeletedDate != nil && !deleted {
			return nil, refuse("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
		}
		r.Touch(row.ID, arn)
		return row.Value, nil
	}
	return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// createSecret returns the secret that is there if it was made with the same token and value.
func createSecret(r *core.Request, in *sdk.CreateSecretInput) (*sdk.CreateSecretOutput, error) {
	s, name := of(r.Region), core.Val(in.Name)
	switch {
	case name == "" || len(name) > longestName || strings.Trim(name, nameLetters) != "":
		return nil, refuse("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case len(core.Val(in.SecretString)) > biggestValue || len(in.SecretBinary) > biggestValue:
		return nil, refuse("ValidationException", "A secret has at most %d bytes", biggestValue)
	case in.ClientRequestToken != nil && (len(*in.ClientRequestToken) < shortestToken || len(*in.ClientRequestToken) > longestToken):
		return nil, refuse("InvalidParameterException", "ClientRequestToken must be %d-%d characters long.", shortestToken, longestToken)
	case in.SecretString != nil && in.SecretBinary != nil:
		return nil, refuse("InvalidParameterException", "You can't specify both a binary secret value and a string secret value in the same secret.")
	}
	if have := s.secrets.Get(name); have != nil {
		switch {
		case have.entry.DeletedDate != nil:
			return nil, refuse("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
		case have.token == "" || have.token != core.Val(in.ClientRequestToken) || core.Val(have.text) != core.Val(in.SecretString) || string(have.binary) != string(in.SecretBinary):
			return nil, refuse("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
		}
		return &sdk.CreateSecretOutput{ARN: have.entry.ARN, Name: have.entry.Name, VersionId: &have.version}, nil
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if have := s.secrets.Len(); have >= r.Config.Quota("secrets", 500_000) {
		return nil, refuse("LimitExceededException", "You have exceeded the secrets per region quota.")
	}
	made := &secret{text: in.SecretString, binary: in.SecretBinary, token: core.Val(in.ClientRequestToken), version: core.Val(in.ClientRequestToken)}
	if made.version == "" {
		made.version = r.Hex(32)
	}
	now := r.Now()
	made.entry = types.SecretListEntry{Name: &name, ARN: core.Ptr(r.ARN("secretsmanager", "secret:"+name+"-"+r.Hex(6))), CreatedDate: &now, LastChangedDate: &now,
		Description: in.Description, KmsKeyId: in.KmsKeyId, Tags: in.Tags, SecretVersionsToStages: map[string][]string{made.version: {"AWSCURRENT"}}}
	s.secrets.Put(name, made, now)
	r.Touch(name, *made.entry.ARN)
	return &sdk.CreateSecretOutput{ARN: made.entry.ARN, Name: &name, VersionId: &made.version}, nil
}

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_+=.@!"

func checkTags(tags []types.Tag) error {
	seen := map[string]bool{}
	for _, tag := range tags {
		key := core.Val(tag.Key)
		if problem := core.TagProblem(key, core.Val(tag.Value)); problem != "" {
			return refuse("InvalidParameterException", "Tag %q: %s", key, problem)
		}
		if seen[key] {
			return refuse("InvalidParameterException", "Tag key %q is given twice", key)
		}
		seen[key] = true
	}
	if len(tags) > core.MostTags {
		return refuse("InvalidParameterException", "A secret has at most %d tags.", core.MostTags)
	}
	return nil
}

func putSecretValue(r *core.Request, in *sdk.PutSecretValueInput) (*sdk.PutSecretValueOutput, error) {
	s, err := find(r, in.SecretId, false)
	if err != nil {
		return nil, err
	}
	if token := core.Val(in.ClientRequestToken); token == s.version {
		if core.Val(s.text) != core.Val(in.SecretString) || string(s.binary) != string(in.SecretBinary) {
			return nil, refuse("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, *s.entry.ARN)
		}
		return &sdk.PutSecretValueOutput{ARN: s.entry.ARN, Name: s.entry.Name, VersionId: &s.version, VersionStages: []string{"AWSCURRENT"}}, nil
	}
	s.text, s.binary, s.version = in.SecretString, in.SecretBinary, core.Val(in.ClientRequestToken)
	s.entry.LastChangedDate, s.entry.SecretVersionsToStages = core.Ptr(r.Now()), map[string][]string{s.version: {"AWSCURRENT"}}
	return &sdk.PutSecretValueOutput{ARN: s.entry.ARN, Name: s.entry.Name, VersionId: &s.version, VersionStages: []string{"AWSCURRENT"}}, nil
}

func getSecretValue(r *core.Request, in *sdk.GetSecretValueInput) (*sdk.GetSecretValueOutput, error) {
	s, err := find(r, in.SecretId, false)
	if err != nil {
		return nil, err
	}
	if s.text == nil && s.binary == nil {
		return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	}
	return &sdk.GetSecretValueOutput{ARN: s.entry.ARN, Name: s.entry.Name, SecretString: s.text, SecretBinary: s.binary, VersionId: &s.version,
		VersionStages: []string{"AWSCURRENT"}, CreatedDate: s.entry.LastChangedDate}, nil
}

func describeSecret(r *core.Request, in *sdk.DescribeSecretInput) (*sdk.DescribeSecretOutput, error) {
	s, err := find(r, in.SecretId, true)
	if err != nil {
		return nil, err
	}
	e := s.entry
	return &sdk.DescribeSecretOutput{ARN: e.ARN, Name: e.Name, Description: e.Description, KmsKeyId: e.KmsKeyId, Tags: e.Tags, CreatedDate: e.CreatedDate,
		LastChangedDate: e.LastChangedDate, DeletedDate: e.DeletedDate, VersionIdsToStages: e.SecretVersionsToStages}, nil
}

// listSecrets filters by the beginning of names, tag keys and tag values.
func listSecrets(r *core.Request, in *sdk.ListSecretsInput) (*sdk.ListSecretsOutput, error) {
	var rows []*core.Row[secret]
	for _, row := range of(r.Region).secrets.Rows() {
		if r.Hidden(row.Created) || (row.Value.entry.DeletedDate != nil && !core.Val(in.IncludePlannedDeletion)) {
			continue
		}
		ok, err := row.Value.matches(in.Filters)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, row)
		}
	}
	page, err := core.Paginate(r, rows, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	if err != nil {
		return nil, refuse("InvalidNextTokenException", "The NextToken value is invalid.")
	}
	out := &sdk.ListSecretsOutput{SecretList: []types.SecretListEntry{}, NextToken: core.Next(page.Next)}
	for _, s := range page.Items {
		out.SecretList = append(out.SecretList, s.entry)
	}
	return out, nil
}

func (s *secret) matches(filters []types.Filter) (bool, error) {
	for _, filter := range filters {
		var have []string
		switch filter.Key {
		case types.FilterNameStringTypeName:
			have = []string{*s.entry.Name}
		case types.FilterNameStringTypeDescription:
			have = []string{core.Val(s.entry.Description)}
		case types.FilterNameStringTypeTagKey:
			for _, tag := range s.entry.Tags {
				have = append(have, core.Val(tag.Key))
			}
		case types.FilterNameStringTypeTagValue:
			for _, tag := range s.entry.Tags {
				have = append(have, core.Val(tag.Value))
			}
		default:
			return false, refuse("InvalidParameterException", "The filter %q is not emulated", filter.Key)
		}
		if !anyBegins(have, filter.Values) {
			return false, nil
		}
	}
	return true, nil
}

func anyBegins(have, beginnings []string) bool {
	for _, value := range have {
		for _, beginning := range beginnings {
			if strings.HasPrefix(value, beginning) {
				return true
			}
		}
	}
	return false
}

// deleteSecret forgets a secret at once if forced, and succeeds then even if there is none; else the secret waits for the end of its
// recovery window.
func deleteSecret(r *core.Request, in *sdk.DeleteSecretInput) (*sdk.DeleteSecretOutput, error) {
	forced := core.Val(in.ForceDeleteWithoutRecovery)
	if forced && in.RecoveryWindowInDays != nil {
		return nil, refuse("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	s, err := find(r, in.SecretId, forced)
	if err != nil && forced {
		return &sdk.DeleteSecretOutput{Name: in.SecretId, DeletionDate: core.Ptr(r.Now())}, nil
	}
	if err != nil {
		return nil, err
	}
	secrets, name, window := &of(r.Region).secrets, *s.entry.Name, recovery
	if forced {
		secrets.Delete(name)
		return &sdk.DeleteSecretOutput{ARN: s.entry.ARN, Name: &name, DeletionDate: core.Ptr(r.Now())}, nil
	}
	if in.RecoveryWindowInDays != nil {
		if *in.RecoveryWindowInDays < 7 || *in.RecoveryWindowInDays > 30 {
			return nil, refuse("InvalidParameterException", "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
		}
		window = time.Duration(*in.RecoveryWindowInDays) * 24 * time.Hour
	}
	due := r.Now().Add(window)
	s.entry.DeletedDate = &due
	r.After(window, func() {
		if have := secrets.Get(name); have == s && have.entry.DeletedDate == &due {
			secrets.Delete(name)
		}
	})
	return &sdk.DeleteSecretOutput{ARN: s.entry.ARN, Name: &name, DeletionDate: &due}, nil
}

func restoreSecret(r *core.Request, in *sdk.RestoreSecretInput) (*sdk.RestoreSecretOutput, error) {
	s, err := find(r, in.SecretId, true)
	if err != nil {
		return nil, err
	}
	s.entry.DeletedDate = nil
	return &sdk.RestoreSecretOutput{ARN: s.entry.ARN, Name: s.entry.Name}, nil
}

func tagResource(r *core.Request, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	s, err := find(r, in.SecretId, false)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	tags := append(without(s.entry.Tags, func(key string) bool {
		return slices.ContainsFunc(in.Tags, func(tag types.Tag) bool { return core.Val(tag.Key) == key })
	}), in.Tags...)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	s.entry.Tags = tags
	return nil, nil
}

func untagResource(r *core.Request, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	s, err := find(r, in.SecretId, false)
	if err != nil {
		return nil, err
	}
	s.entry.Tags = without(s.entry.Tags, func(key string) bool { return slices.Contains(in.TagKeys, key) })
	return nil, nil
}

func without(tags []types.Tag, gone func(key string) bool) []types.Tag {
	out := []types.Tag{}
	for _, tag := range tags {
		if !gone(core.Val(tag.Key)) {
			out = append(out, tag)
		}
	}
	return out
}

// inventory counts secrets that wait for their deletion too: their names are taken.
func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, row := range of(r).secrets.Rows() {
		tags, state := map[string]string{}, ""
		for _, tag := range row.Value.entry.Tags {
			tags[core.Val(tag.Key)] = core.Val(tag.Value)
		}
		if row.Value.entry.DeletedDate != nil {
			state = "pending-deletion"
		}
		out = append(out, core.Resource{Type: "secret", ID: row.ID, State: state, Tags: tags, Content: row.Value})
	}
	return out
}
