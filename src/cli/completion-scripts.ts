/**
 * By shell. Each asks `labkeeper completion candidates` with the words so far, and reads a line a candidate: value,
 * tab, help. The words are taken from the line itself, since bash parts them at `:`, `=` and `@` too.
 */
export const completionScripts: Readonly<Record<string, string>> = {
  bash: `# bash completion of labkeeper: source <(labkeeper completion bash)
_labkeeper() {
  local line=\${COMP_LINE:0:COMP_POINT} typed shell_word cut value help
  local -a words=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  typed=\${words[-1]}
  shell_word=\${COMP_WORDS[COMP_CWORD]}
  cut=\${typed%"$shell_word"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value help; do
    if [[ $value == :files ]]; then
      compopt -o default 2>/dev/null
      continue
    fi
    COMPREPLY+=("\${value#"$cut"}")
  done < <(labkeeper completion candidates -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _labkeeper labkeeper
`,
  zsh: `#compdef labkeeper
_labkeeper() {
  local line value help
  local -a lines described
  lines=("\${(@f)$(labkeeper completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    value=\${line%%$'\\t'*}
    help=\${line#*$'\\t'}
    if [[ $value == :files ]]; then
      _files
      return
    fi
    described+=("\${value//:/\\\\:}\${help:+:$help}")
  done
  _describe labkeeper described
}
if [[ $funcstack[1] == _labkeeper ]]; then
  _labkeeper "$@"
else
  compdef _labkeeper labkeeper
fi
`,
  fish: `# fish completion of labkeeper
function __labkeeper_candidates
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (labkeeper completion candidates -- $words[2..-1] 2>/dev/null)
  if string match -q ':files*' -- $lines[1]
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $lines
  end
end
complete -c labkeeper -f -a '(__labkeeper_candidates)'
`,
};
