// Package iam emulates Identity and Access Management as far as machines and clusters need it: roles, users and groups
// with their policies, instance profiles, OIDC providers, and what policies allow.
package iam

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns IAM as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "iam",
		SigningName: "iam",
		Protocol:    &core.Query{Table: wire.MustLoad(wireTable), Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"},
		Operations: []core.Operation{
			core.Op(createRole), core.Op(getRole), core.Op(listRoles), core.Op(updateRole), core.Op(deleteRole), core.Op(updateAssumeRolePolicy),
			core.Op(putRolePermissionsBoundary), core.Op(deleteRolePermissionsBoundary), core.Op(tagRole), core.Op(untagRole), core.Op(listRoleTags),
			core.Op(attachRolePolicy), core.Op(detachRolePolicy), core.Op(listAttachedRolePolicies),
			core.Op(putRolePolicy), core.Op(getRolePolicy), core.Op(deleteRolePolicy), core.Op(listRolePolicies),
			core.Op(createPolicy), core.Op(getPolicy), core.Op(getPolicyVersion), core.Op(listPolicies), core.Op(deletePolicy),
			core.Op(createPolicyVersion), core.Op(deletePolicyVersion), core.Op(setDefaultPolicyVersion), core.Op(listPolicyVersions),
			core.Op(createUser), core.Op(getUser), core.Op(listUsers), core.Op(deleteUser), core.Op(attachUserPolicy), core.Op(detachUserPolicy),
			core.Op(listAttachedUserPolicies), core.Op(putUserPolicy), core.Op(deleteUserPolicy),
			core.Op(createGroup), core.Op(getGroup), core.Op(deleteGroup), core.Op(addUserToGroup), core.Op(removeUserFromGroup), core.Op(attachGroupPolicy), core.Op(detachGroupPolicy),
			core.Op(createServiceLinkedRole), core.Op(simulatePrincipalPolicy),
			core.Op(createInstanceProfile), core.Op(getInstanceProfile), core.Op(listInstanceProfiles), core.Op(listInstanceProfilesForRole),
			core.Op(deleteInstanceProfile), core.Op(addRoleToInstanceProfile), core.Op(removeRoleFromInstanceProfile),
			core.Op(createOpenIDConnectProvider), core.Op(getOpenIDConnectProvider), core.Op(listOpenIDConnectProviders), core.Op(deleteOpenIDConnectProvider),
			core.Op(tagOpenIDConnectProvider), core.Op(untagOpenIDConnectProvider), core.Op(listOpenIDConnectProviderTags),
		},
		Inventory: inventory,
		Authorize: authorize,
	}
}

type state struct {
	roles     core.Table[role]
	policies  core.Table[customerPolicy]
	profiles  core.Table[profile]
	providers core.Table[provider]
	users     core.Table[user]
	groups    core.Table[group]
	prepared  bool
	// removed are profiles of the configuration that somebody deleted.
	removed map[string]bool
}

// of is the account's IAM: there is one for all regions.
func of(r *core.Region) *state {
	s := core.Of[state](r.Global())
	s.prepare(r)
	return s
}

// Limits of "IAM and AWS STS quotas".
const (
	mostRoles     = 1000
	mostAttached  = 10
	mostProfiles  = 1000
	mostProviders = 100
	mostPolicies  = 1500
	longestTrust  = 2048
	longestInline = 10240
	longestPolicy = 6144
	standardPage  = 100
	mostResults   = 1000
)

// The forms that the API reference gives for names and paths.
var (
	roleName    = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	entityName  = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	entityPath  = regexp.MustCompile(`^(/|/[\x21-\x7E]+/)$`)
	description = regexp.MustCompile("^[\\x09\\x0A\\x0D\\x20-\\x7E\u00A1-\u00FF]{0,1000}$")
)

// The errors of the API reference, in IAM's words.

func refuse(code string, status int, format string, args ...any) error {
	return &core.Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

func noSuch(format string, args ...any) error { return refuse("NoSuchEntity", 404, format, args...) }

func exists(format string, args ...any) error {
	return refuse("EntityAlreadyExists", 409, format, args...)
}

func conflict(message string) error { return refuse("DeleteConflict", 409, "%s", message) }

func limit(quota string, most int) error {
	return refuse("LimitExceeded", 409, "Cannot exceed quota for %s: %d", quota, most)
}

func invalid(format string, args ...any) error {
	return refuse("ValidationError", 400, format, args...)
}

func malformed(err error) error { return refuse("MalformedPolicyDocument", 400, "%s", err.Error()) }

func named(form *regexp.Regexp, parameter, name string) error {
	if form.MatchString(name) {
		return nil
	}
	return invalid("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", parameter)
}

// pathOf is the path asked for, "/" by default.
func pathOf(path *string) (*string, error) {
	if path == nil {
		return core.Ptr("/"), nil
	}
	if !entityPath.MatchString(*path) || len(*path) > 512 {
		return nil, invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return path, nil
}

// arn writes that of a thing of IAM's, which has no region.
func arn(r *core.Region, kind, path, name string) *string {
	return core.Ptr(fmt.Sprintf("arn:%s:iam::%s:%s%s%s", core.Partition(r.Name), r.Account, kind, path, name))
}

func newID(r *core.Region, prefix string) *string {
	return core.Ptr(prefix + strings.ToUpper(r.Hex(17)))
}

// key is how names are compared: two that differ in the case of letters are one.
func key(name string) string { return strings.ToLower(name) }

// escaped is a document as answers have it ("URL-encoded JSON compliant with RFC 3986").
func escaped(document string) *string {
	return core.Ptr(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

// listed cuts a list into an answer's page.
func listed[T any](r *core.Request, rows []*core.Row[T], marker *string, most *int32) (items []*T, next *string, more bool, err error) {
	limit := standardPage
	if most != nil {
		limit = int(*most)
	}
	page, err := core.Paginate(r, rows, core.Val(marker), limit, mostResults)
	return page.Items, core.Next(page.Next), page.Next != "", err
}

// seen says which rows the request may see.
func seen[T any](r *core.Request, table *core.Table[T], match func(*T) bool) []*core.Row[T] {
	var out []*core.Row[T]
	for _, row := range table.Rows() {
		if !r.Hidden(row.Created) && (match == nil || match(row.Value)) {
			out = append(out, row)
		}
	}
	return out
}

// tagged adds tags to those there are, whose keys are compared without regard to case.
func tagged(now, more []types.Tag) ([]types.Tag, error) {
	out := append([]types.Tag{}, now...)
	given := map[string]bool{}
	for _, tag := range more {
		if problem := core.TagProblem(core.Val(tag.Key), core.Val(tag.Value)); problem != "" {
			return nil, invalid("The tag %s is invalid: %s", core.Val(tag.Key), problem)
		}
		if given[key(*tag.Key)] {
			return nil, refuse("InvalidInput", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		given[key(*tag.Key)] = true
		out = append(without(out, []string{*tag.Key}), tag)
	}
	if len(out) > core.MostTags {
		return nil, limit("TagsPerResource", core.MostTags)
	}
	return out, nil
}

func without(tags []types.Tag, keys []string) []types.Tag {
	out := []types.Tag{}
	for _, tag := range tags {
		kept := true
		for _, k := range keys {
			kept = kept && key(k) != key(*tag.Key)
		}
		if kept {
			out = append(out, tag)
		}
	}
	return out
}

func tagMap(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, tag := range tags {
		out[*tag.Key] = core.Val(tag.Value)
	}
	return out
}

// bootstrapped is when what the account was prepared with was made.
var bootstrapped = time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)

func inventory(r *core.Region) []core.Resource {
	if !r.IsGlobal() {
		return nil
	}
	s, out := of(r), []core.Resource{}
	for _, x := range s.roles.All() {
		out = append(out, core.Resource{Service: "iam", Type: "role", ID: *x.RoleName, Tags: tagMap(x.Tags), Content: x, Implied: x.implied() || x.linked()})
	}
	for _, x := range s.policies.All() {
		out = append(out, core.Resource{Service: "iam", Type: "policy", ID: *x.PolicyName, Tags: tagMap(x.Tags), Content: x})
	}
	for _, x := range s.profiles.All() {
		out = append(out, core.Resource{Service: "iam", Type: "instance-profile", ID: *x.InstanceProfileName, Tags: tagMap(x.Tags), Content: x, Implied: x.standsIn()})
	}
	for _, x := range s.users.All() {
		out = append(out, core.Resource{Service: "iam", Type: "user", ID: *x.UserName, Tags: tagMap(x.Tags), Content: x})
	}
	for _, x := range s.groups.All() {
		out = append(out, core.Resource{Service: "iam", Type: "group", ID: *x.GroupName, Content: x})
	}
	for _, x := range s.providers.All() {
		out = append(out, core.Resource{Service: "iam", Type: "oidc-provider", ID: x.host(), Tags: tagMap(x.Tags), Content: x})
	}
	return out
}
