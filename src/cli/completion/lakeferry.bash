# bash completion of lakeferry. What was typed is handed on as text: nothing of it is evaluated.
_lakeferry() {
  local at before value part= last=1 words=(complete --)
  COMPREPLY=()
  # Behind < and > stands a file.
  [[ ${COMP_WORDS[COMP_CWORD - 1]} == *[\<\>]* ]] && return
  # bash divides words at = and : too, and leaves them their quotes.
  for ((at = 1; at <= COMP_CWORD; at++)); do
    [[ $part == *[=:] || ${COMP_WORDS[at]} == [=:]* ]] || ((++last))
    part=${COMP_WORDS[at]//[\"\'\\]/}
    words[last]+=$part
  done
  before=${words[last]%"$part"}
  [[ $part == *[=:] ]] && before=${words[last]}
  words[last]=$before${2//[\"\'\\]/}
  while IFS=$'\t' read -r value _; do
    [[ $value == :files ]] && return
    COMPREPLY+=("${value#"$before"}")
  done < <(lakeferry "${words[@]}" 2>/dev/null)
  # Otherwise no files, where bash (4 and later) can be told.
  compopt +o default 2>/dev/null
}
complete -o default -F _lakeferry lakeferry
